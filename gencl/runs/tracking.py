"""A run followed live in TensorBoard or Weights & Biases, through Accelerate's trackers.

What goes there is what `log.jsonl`, `metrics.json` and `samples/` hold anyway; nothing is read back, and training's
numbers are the same with and without.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from accelerate.tracking import GeneralTracker, TensorBoardTracker, WandBTracker
from PIL import Image

from gencl.core.errors import GenclError, UsageError
from gencl.core.extras import EXTRAS
from gencl.core.settings import Settings
from gencl.runs.state import State

Name = Literal["tensorboard", "wandb"]
PROJECT = "gencl"


def check_tracker(name: str) -> None:
    """Raises UsageError where there is no such tracker, or its package is not installed."""
    if name not in get_args(Name):
        raise UsageError(f"--log-with {name}: there are: {', '.join(get_args(Name))}")
    EXTRAS[name].require(f"--log-with {name}")


class Tracker:
    """What the main process tells of a run; each value stands at the run's number of optimiser steps so far."""

    def __init__(self, name: str, folder: Path, settings: Settings, step: int) -> None:
        """``folder`` is the run's: files of events go into ``folder/NAME``. ``step`` is where the run goes on: what
        was told of later steps, before an interruption, is replaced (TensorBoard)."""
        self._step = step
        self._tracker: GeneralTracker
        title = f"{settings.preset}-{settings.method['name']}-seed{settings.seed}"
        if name == "tensorboard":
            self._tracker = TensorBoardTracker("tensorboard", folder, purge_step=step + 1 if step else None)
        else:
            self._tracker = WandBTracker(
                os.environ.get("WANDB_PROJECT", PROJECT), dir=str(folder), name=title, group=title
            )
        try:
            self._tracker.start()
            self._tracker.store_init_configuration(dict(_flat(settings.tree())))
        except Exception as error:  # whatever a tracker's service says: no key, no network
            text = (str(error).splitlines() or [""])[0]
            raise GenclError(f"--log-with {name} cannot start: {type(error).__name__}: {text}") from error

    def step(self, step: int, lr: float, losses: Mapping[str, float]) -> None:
        """The losses of a step, by phase, and the scheduled learning rate."""
        self._tracker.log({f"loss/{name}": value for name, value in losses.items()} | {"lr": lr}, step=step)

    def task(self, state: State, row: int) -> None:
        """After a task: the summary, the mean over tasks so far of each matrix, and each task's own value."""
        values = {f"summary/{name}": value for name, value in state.summary.items()}
        for name, matrix in state.matrices.items():
            measured = {j: value for j, value in enumerate(matrix[row]) if value is not None}
            values |= {f"{name}/task {j + 1}": value for j, value in measured.items()}
            values |= {f"{name}/mean": sum(measured.values()) / len(measured)} if measured else {}
        self._tracker.log({**values, "tasks learned": row + 1}, step=state.cost.steps)

    def picture(self, step: int, path: Path) -> None:
        """A grid of samples."""
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))[None]
        options = {"dataformats": "NHWC"} if isinstance(self._tracker, TensorBoardTracker) else {}
        self._tracker.log_images({"samples": pixels}, step=step, **options)

    def finish(self) -> None:
        """Writes what is left."""
        self._tracker.finish()


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, bool | int | float | str]]:
    """Settings by their dotted keys, as trackers show them; lists as text."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, bool | int | float | str) else str(value)
