"""Writes a run's directory while it goes on: settings, log, checkpoints, metrics, pictures, model, report."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import gencl
from gencl import files
from gencl.methods.base import Method, state_bytes
from gencl.metrics.evaluator import Evaluator
from gencl.models.learner import GenerativeLearner, Learner
from gencl.processes import Processes
from gencl.reports.grids import Frames
from gencl.scenarios.task import Scenario
from gencl.settings import Settings
from gencl.training import checkpoint
from gencl.training.state import State


class Recorder:
    """The writing side of a run directory; only the main process writes. See `gencl.training.run.Run` for reading."""

    def __init__(self, folder: Path, settings: Settings, scenario: Scenario, processes: Processes) -> None:
        self.folder, self.settings, self.scenario, self._processes = folder, settings, scenario, processes
        self._frames = Frames(scenario.class_names)

    def create(self) -> None:
        """Makes the directory with its config.yaml."""
        try:
            (self.folder / "samples").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise files.cannot_write(self.folder, error) from error
        files.write(self.folder / "config.yaml", self.settings.to_yaml())

    def log(self, entry: Mapping[str, Any], position: int) -> int:
        """Appends a line to log.jsonl at byte ``position`` (what follows it is of before a resumption); returns its
        end."""
        path = self.folder / "log.jsonl"
        try:
            with path.open("r+b" if path.exists() else "w+b") as file:
                file.truncate(position)
                file.seek(position)
                file.write(json.dumps(entry, allow_nan=False).encode() + b"\n")
                return file.tell()
        except OSError as error:
            raise files.cannot_write(path, error) from error

    def checkpoint(self, state: State, tensors: Mapping[str, Tensor]) -> None:
        checkpoint.save(
            self.folder / "checkpoint", state.cost.steps * 2 + (not state.within_task), state.tree(), tensors
        )

    def tensors(self) -> dict[str, Tensor]:
        """What a resumed run needs of the pictures so far."""
        return self._frames.tensors()

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        self._frames.restore(tensors)

    def picture(self, learner: Learner, row: int) -> None:
        """The sample grid after the task at ``row``, and the strip of how the same latents changed."""
        if isinstance(learner, GenerativeLearner):
            name = self.scenario.tasks[row].name
            self._frames.take(
                learner, self.settings.seed, f"after {name}", self.folder / "samples" / f"task-{row + 1:02d}.png"
            )
            self._frames.strip(self.folder / "samples" / "evolution.png")

    def write_metrics(self, state: State, learner: Learner, method: Method, evaluator: Evaluator) -> None:
        tree: dict[str, Any] = {
            "schema": 1,
            "preset": self.settings.preset,
            "method": self.settings.method["name"],
            "seed": self.settings.seed,
            "kind": learner.kind,
            "tasks": [task.name for task in self.scenario.tasks],
            "matrices": state.matrices,
            "features": evaluator.features(),
            "summary": state.summary,
            "parameters": count_parameters(learner, method),
            "cost": {
                **{key: round(value, 3) for key, value in vars(state.cost).items()},
                "steps_per_second": round(state.cost.steps / max(1e-9, state.cost.train_seconds), 2),
            },
            "environment": environment(learner.position.device, self._processes.world),
        }
        files.write_json(self.folder / "metrics.json", {key: value for key, value in tree.items() if value is not None})

    def write_model(self, learner: Learner) -> None:
        """The trained model: weights, and what is needed to build it again."""
        checksum = files.save_tensors(self.folder / "model.safetensors", learner.state_dict())
        files.write_json(
            self.folder / "model.json",
            {
                "schema": 1,
                "gencl": gencl.__version__,
                "preset": self.settings.preset,
                "method": self.settings.method["name"],
                "seed": self.settings.seed,
                "model": self.settings.model,
                "image_shape": list(self.scenario.image_shape),
                "tasks": [list(task) for task in learner.tasks],
                "class_names": list(self.scenario.class_names),
                "sha256": checksum,
            },
        )


def count_parameters(learner: Learner, method: Method) -> dict[str, int]:
    """Numbers of parameters: shared, a task's own (the last one's), all; and the bytes of the method's state."""
    return {
        "shared": sum(p.numel() for p in learner.shared().values()),
        "per_task": sum(p.numel() for p in learner.own(len(learner.tasks) - 1).values()),
        "total": sum(p.numel() for p in learner.parameters()),
        "method_state_bytes": state_bytes(method.state_dict()),
    }


def environment(device: torch.device, processes: int) -> dict[str, Any]:
    """Versions and device of this run."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return {
        "gencl": gencl.__version__,
        "torch": torch.__version__,
        "device": name,
        "processes": processes,
        "threads": torch.get_num_threads(),
        "git": _git_commit(),
    }


def _git_commit() -> str:
    """The commit of the clone that gencl runs from, or nothing when it is installed."""
    command = ["git", "-C", str(Path(gencl.__file__).parent), "describe", "--always", "--dirty"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""
