"""Follows a run live in TensorBoard, MLflow or another of Accelerate's trackers.

Trackers get only what `log.jsonl`, `metrics.json` and `samples/` hold anyway. Nothing is read back, and training gives
the same numbers with and without a tracker.
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
    """Raise UsageError if there is no such tracker, or if its package is not installed."""
    if name not in TRACKERS:
        raise UsageError(f"--log-with {name}: no tracker is called so{did_you_mean(name, TRACKERS)}")
    if name in EXTRAS:
        EXTRAS[name].require(f"--log-with {name}")
    if not is_installed(name):
        raise UsageError(f"--log-with {name}: the package {name} is not installed; pip install {name}")
    if name not in LOGGER_TYPE_TO_CLASS:
        raise UsageError(f"--log-with {name}: the installed accelerate does not know it; pip install -U accelerate")


class Tracker:
    """Sends a run's values to a tracker, each with the number of optimiser steps so far. Only the main process has one.

    If a tracker fails after it has started, gencl warns once and the run goes on.
    """

    def __init__(self, name: str, folder: Path, settings: Settings, step: int) -> None:
        """Start the tracker. Raises GenclError if it cannot start.

        ``folder`` is the run's; trackers that write files write them there, most into ``folder/NAME``. ``step`` is
        where the run resumes. TensorBoard then replaces later values, from before an interruption.
        """
        self._name, self._fails = name, False
        title = f"{settings.preset}-{settings.method['name']}-seed{settings.seed}"
        try:
            with redirect_stdout(ERRORS):  # standard output is for results
                self._tracker = trackers.make(name, trackers.Followed(folder, title, step))
                self._tracker.start()
                self._tracker.store_init_configuration(dict(_flat(settings.tree())))
        except Exception as error:  # trackers raise anything: no key, no network
            raise GenclError(f"--log-with {name} cannot start: {_line(error)}") from error

    def step(self, step: int, lr: float, losses: Mapping[str, float]) -> None:
        """Send the losses of a step, by phase, and the scheduled learning rate."""
        with self._told():
            self._tracker.log({f"loss/{name}": value for name, value in losses.items()} | {"lr": lr}, step=step)

    def task(self, state: State, row: int, features: Mapping[str, Any] | None) -> None:
        """Send the results after a task: the summary, each task's values, and each metric's mean over the tasks so far.

        For a pooled metric, its value for all tasks so far together replaces the mean.
        """
        values = {f"summary/{name}": value for name, value in state.summary.items()}
        for name, matrix in state.matrices.items():
            measured = {j: value for j, value in enumerate(matrix[row]) if value is not None}
            values |= {f"{name}/task {j + 1}": value for j, value in measured.items()}
            if found := list(measured.values()):
                values[f"{name}/mean"] = found[-1] if is_pooled(name, features) else fmean(found)
        with self._told():
            self._tracker.log({**values, "tasks learned": row + 1}, step=state.cost.steps)

    def picture(self, step: int, path: Path) -> None:
        """Send a grid of samples."""
        with self._told(), Image.open(path) as image:
            trackers.draw(self._name, self._tracker, image.convert("RGB"), step)

    def finish(self) -> None:
        """Finish the tracker, which writes all that is pending."""
        with self._told():
            trackers.finish(self._name, self._tracker)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Within the block, keep standard output free and turn errors into a single warning."""
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
    """Yield settings by their dotted keys, as trackers show them; lists become text."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, bool | int | float | str) else str(value)
