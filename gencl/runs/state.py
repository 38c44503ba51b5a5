"""Where a run stands: all that is needed, beside the learner's and the method's tensors, to go on exactly."""

from __future__ import annotations

import ctypes
import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import psutil
import torch
from torch import Tensor
from torch.optim import Optimizer

Matrices = dict[str, list[list[float | None]]]


_SECONDS = ("train_seconds", "importance_seconds", "eval_seconds")


@dataclass
class Cost:
    """Seconds by purpose, steps, passes and memory. A checkpoint holds all of it up to its moment, so that a resumed
    run adds to it: only what was spent after the last checkpoint, and is done again, does not count twice."""

    train_seconds: float = 0.0
    importance_seconds: float = 0.0
    eval_seconds: float = 0.0
    steps: int = 0
    samples_forward: int = 0
    samples_backward: int = 0
    """Samples through the networks, measuring left out (`gencl.learners.passes`); 0 where the learner names none."""
    peak_memory_bytes: int = 0
    by_task: list[dict[str, float]] = field(default_factory=list)
    """Seconds of each purpose and the memory in use at its end, a dict a task."""

    def add(self, purpose: str, seconds: float) -> None:
        """Counts seconds spent on a purpose, such as ``train_seconds``."""
        setattr(self, purpose, getattr(self, purpose) + seconds)

    def add_passes(self, forward: int, backward: int) -> None:
        """Counts samples that went through a network."""
        self.samples_forward += forward
        self.samples_backward += backward

    def note_memory(self, device: torch.device) -> None:
        """Keeps the most memory in use so far, over all processes that a run was gone on with in."""
        self.peak_memory_bytes = max(self.peak_memory_bytes, peak_memory(device))

    def end_task(self, device: torch.device) -> None:
        """Notes what the task that ends here has cost."""
        self.note_memory(device)
        spent = {key: getattr(self, key) - sum(row[key] for row in self.by_task) for key in _SECONDS}
        rounded = {key: round(value, 3) for key, value in spent.items()}
        self.by_task.append({**rounded, "memory_bytes": memory_in_use(device)})


@dataclass
class State:
    """The position (episode, stage, step within the task), and what was measured so far.

    ``log_bytes`` is the length of log.jsonl at this point; what was logged later is logged again. ``threads`` are
    PyTorch's (0: unrecorded). ``origin`` says of which settings and data it is; ``ahead`` holds, for each task but the
    first, its scores before it was learned and those of an untrained network; ``capacity``, after each task, which
    share of each layer is taken; ``features`` names the extractor of all that was measured, so that one matrix has one
    measure; ``evaluation`` is what was measured at the end; ``plateau`` is how the loss of the present stage goes on
    (`gencl.training.patience`).
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
    """The states of optimisers as named tensors."""
    return {
        f"{number}.{index}.{key}": value if isinstance(value, Tensor) else torch.tensor(value)
        for number, optimizer in enumerate(optimizers)
        for index, entries in optimizer.state_dict()["state"].items()
        for key, value in entries.items()
        if value is not None
    }


def restore_optimizers(optimizers: Sequence[Optimizer], tensors: Mapping[str, Tensor]) -> None:
    """Puts back what `optimizer_tensors` gave."""
    states: list[dict[int, dict[str, Tensor]]] = [{} for _ in optimizers]
    for name, tensor in tensors.items():
        number, index, key = name.split(".")
        states[int(number)].setdefault(int(index), {})[key] = tensor
    for optimizer, state in zip(optimizers, states, strict=True):
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def peak_memory(device: torch.device) -> int:
    """The most memory in use so far, in bytes: of the device if it has its own, else of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def memory_in_use(device: torch.device) -> int:
    """The memory in use now, in bytes: of the device if it has its own, else of the process."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return int(psutil.Process().memory_info().rss)


def give_back_memory() -> None:
    """Hands what is free within the process back to the system, where the C library would keep it (glibc).

    A learner that grows asks for ever other sizes, which fit into fewer and fewer of the pieces that were left, so that
    a process grows by much more than its tensors (``python -m benchmarks.tasks`` shows memory a task).
    """
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)
