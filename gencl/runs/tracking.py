"""A run followed live in TensorBoard, MLflow or another of Accelerate's trackers.

What goes there is what `log.jsonl`, `metrics.json` and `samples/` hold anyway; nothing is read back, and training's
numbers are the same with and without.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from statistics import fmean
from typing import Any

from accelerate.tracking import LOGGER_TYPE_TO_CLASS
from PIL import Image

from gencl.core.errors import GenclError, UsageError
from gencl.core.extras import EXTRAS, TRACKERS, is_installed
from gencl.core.registry import did_you_mean
from gencl.core.settings import Settings
from gencl.core.terminal import ERRORS
from gencl.core.waiting import say
from gencl.metrics.figures import is_pooled
from gencl.runs import trackers
from gencl.runs.state import State


def check_tracker(name: str) -> None:
    """Raises UsageError where there is no such tracker, or its package is not installed."""
    if name not in TRACKERS:
        raise UsageError(f"--log-with {name}: no tracker is called so{did_you_mean(name, TRACKERS)}")
    if name in EXTRAS:
        EXTRAS[name].require(f"--log-with {name}")
    if not is_installed(name):
        raise UsageError(f"--log-with {name}: the package {name} is not installed; pip install {name}")
    if name not in LOGGER_TYPE_TO_CLASS:
        raise UsageError(f"--log-with {name}: the installed accelerate does not know it; pip install -U accelerate")


class Tracker:
    """What the main process tells of a run; each value stands at the run's number of optimiser steps so far.

    A tracker that fails once it has started is left alone: a run must not end because a service is away.
    """

    def __init__(self, name: str, folder: Path, settings: Settings, step: int) -> None:
        """``folder`` is the run's: files of trackers that write some go into ``folder/NAME``. ``step`` is where the run
        goes on: what was told of later steps, before an interruption, is replaced (TensorBoard)."""
        self._name, self._fails = name, False
        title = f"{settings.preset}-{settings.method['name']}-seed{settings.seed}"
        try:
            with redirect_stdout(ERRORS):  # standard output is for results
                self._tracker = trackers.make(name, trackers.Followed(folder, title, step))
                self._tracker.start()
                self._tracker.store_init_configuration(dict(_flat(settings.tree())))
        except Exception as error:  # whatever a tracker's service says: no key, no network
            raise GenclError(f"--log-with {name} cannot start: {_line(error)}") from error

    def step(self, step: int, lr: float, losses: Mapping[str, float]) -> None:
        """The losses of a step, by phase, and the scheduled learning rate."""
        with self._told():
            self._tracker.log({f"loss/{name}": value for name, value in losses.items()} | {"lr": lr}, step=step)

    def task(self, state: State, row: int, features: Mapping[str, Any] | None) -> None:
        """After a task: the summary, the mean over tasks so far of each matrix (of a pooled one, what it says of all
        tasks so far together), and each task's own value."""
        values = {f"summary/{name}": value for name, value in state.summary.items()}
        for name, matrix in state.matrices.items():
            measured = {j: value for j, value in enumerate(matrix[row]) if value is not None}
            values |= {f"{name}/task {j + 1}": value for j, value in measured.items()}
            if found := list(measured.values()):
                values[f"{name}/mean"] = found[-1] if is_pooled(name, features) else fmean(found)
        with self._told():
            self._tracker.log({**values, "tasks learned": row + 1}, step=state.cost.steps)

    def picture(self, step: int, path: Path) -> None:
        """A grid of samples."""
        with self._told(), Image.open(path) as image:
            trackers.draw(self._name, self._tracker, image.convert("RGB"), step)

    def finish(self) -> None:
        """Writes what is left."""
        with self._told():
            trackers.finish(self._name, self._tracker)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Within the block nothing goes to standard output, and a failure is said once."""
        try:
            with redirect_stdout(ERRORS):
                yield
        except Exception as error:
            if not self._fails:
                say(f"--log-with {self._name} fails, and the run goes on: {_line(error)}")
            self._fails = True


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, bool | int | float | str]]:
    """Settings by their dotted keys, as trackers show them; lists as text."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, bool | int | float | str) else str(value)
