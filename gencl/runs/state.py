"""The state of a run: everything beside the tensors of learner and method that an exact resume needs."""

from __future__ import annotations

import ctypes
import resource
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import Tensor
from torch.optim import Optimizer

Matrices = dict[str, list[list[float | None]]]


_SECONDS = ("train_seconds", "importance_seconds", "eval_seconds")


@dataclass
class Cost:
    """Seconds by purpose, steps, passes and memory of a run.

    A checkpoint holds all of it up to its moment, and a resumed run adds to it. Work after the last checkpoint that is
    repeated counts only once.
    """

    train_seconds: float = 0.0
    importance_seconds: float = 0.0
    eval_seconds: float = 0.0
    cpu_seconds: float = 0.0
    """CPU time of training and importance, all threads of the main process. Other programs hardly change it."""
    steps: int = 0
    samples_forward: int = 0
    samples_backward: int = 0
    """Samples that passed through the networks, except for measuring (`gencl.learners.passes`). Both counts are 0 if
    the learner names no networks."""
    peak_memory_bytes: int = 0
    by_task: list[dict[str, float]] = field(default_factory=list)
    """One dict per task: the seconds of each purpose, and the memory in use at the task's end."""

    def add(self, purpose: str, seconds: float) -> None:
        """Add seconds to a purpose, such as ``train_seconds``, or to ``cpu_seconds``."""
        setattr(self, purpose, getattr(self, purpose) + seconds)

    def add_passes(self, forward: int, backward: int) -> None:
        """Add samples that passed through networks."""
        self.samples_forward += forward
        self.samples_backward += backward

    def note_memory(self, device: torch.device) -> None:
        """Update the peak memory. It covers all processes in which the run was started and resumed."""
        self.peak_memory_bytes = max(self.peak_memory_bytes, peak_memory(device))

    def end_task(self, device: torch.device) -> None:
        """Record the cost of the task that ends here."""
        self.note_memory(device)
        spent = {key: getattr(self, key) - sum(row[key] for row in self.by_task) for key in _SECONDS}
        rounded = {key: round(value, 3) for key, value in spent.items()}
        self.by_task.append({**rounded, "memory_bytes": memory_in_use(device)})


@dataclass
class State:
    """The position (episode, stage, step within the task), and what was measured so far.

    ``log_bytes``: the length of log.jsonl at this point. Later lines are logged again.
    ``threads``: PyTorch's number of threads; 0: not recorded.
    ``origin``: hashes of the settings and the data (`Recorder.origin`).
    ``ahead``: by figure, for each new task but the first, its score before it was learned and an untrained network's.
    ``features``: the extractor of all measurements, so that one matrix has one measure.
    ``capacity``: after each task, the share of each layer that is taken.
    ``evaluation``: what was measured at the end.
    ``plateau``: the progress of the present stage's loss (`gencl.training.patience.count`).
    """

    episode: int = 0
    stage: int = 0
    step: int = 0
    log_bytes: int = 0
    threads: int = 0
    origin: dict[str, str] = field(default_factory=dict)
    summary: dict[str, float] = field(default_factory=dict)
    matrices: Matrices = field(default_factory=dict)
    ahead: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    features: str = ""
    capacity: list[dict[str, float]] = field(default_factory=list)
    evaluation: dict[str, Any] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)
    plateau: list[float] = field(default_factory=list)

    @property
    def within_task(self) -> bool:
        return self.step > 0

    def tree(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_tree(tree: Mapping[str, Any]) -> State:
        return State(**{**tree, "cost": Cost(**tree["cost"])})


def optimizer_tensors(optimizers: Sequence[Optimizer]) -> dict[str, Tensor]:
    """Return the states of optimisers as named tensors."""
    return {
        f"{number}.{index}.{key}": value if isinstance(value, Tensor) else torch.tensor(value)
        for number, optimizer in enumerate(optimizers)
        for index, entries in optimizer.state_dict()["state"].items()
        for key, value in entries.items()
        if value is not None
    }


def restore_optimizers(optimizers: Sequence[Optimizer], tensors: Mapping[str, Tensor]) -> None:
    """Restore the states that `optimizer_tensors` returned."""
    states: list[dict[int, dict[str, Tensor]]] = [{} for _ in optimizers]
    for name, tensor in tensors.items():
        number, index, key = name.split(".")
        states[int(number)].setdefault(int(index), {})[key] = tensor
    for optimizer, state in zip(optimizers, states, strict=True):
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def forget_peak(device: torch.device) -> None:
    """Let `peak_memory` count from here on, so that the second run of a notebook does not report the peak of the first.

    Of a process this works on Linux only; elsewhere the peak is that of the process's whole life.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        with suppress(OSError):  # another system, or not allowed
            Path("/proc/self/clear_refs").write_text("5")


def peak_memory(device: torch.device) -> int:
    """Return the peak memory since `forget_peak`, in bytes: of a CUDA device, or else of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def memory_in_use(device: torch.device) -> int:
    """Return the memory in use now, in bytes: of a CUDA device, or else of the process."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return int(psutil.Process().memory_info().rss)


def give_back_memory() -> None:
    """Return free memory of the process to the system, which the C library would otherwise keep (glibc).

    A growing learner asks for ever new sizes, which fit into fewer and fewer of the pieces that are free. The process
    would grow by much more than its tensors (``python -m benchmarks.tasks`` shows the memory per task).
    """
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)
