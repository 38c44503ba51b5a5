"""Progress of a run: a bar on a terminal or in a notebook, lines of text elsewhere, or nothing if silent."""

from __future__ import annotations

from types import TracebackType
from typing import Literal

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from gencl.core.notebook_bar import NotebookProgress, in_notebook
from gencl.core.terminal import ERRORS, console

Mode = Literal["auto", "lines", "silent"]
ETA_PERIOD = 600.0
"""Seconds over which speed is averaged. With Rich's 30 seconds, the ETA jumps at each evaluation between two tasks."""


class Reporter:
    """Shows the steps of a run on standard error, since standard output is for results."""

    def __init__(self, total: int, done: int, mode: Mode = "auto") -> None:
        shows_bars = ERRORS.isatty() or in_notebook()
        self._mode = "bar" if mode == "auto" and shows_bars else "lines" if mode == "auto" else mode
        self.console = console()
        self._bar: Progress | None = None
        self._id: TaskID | None = None
        if self._mode == "bar":
            columns = (
                TextColumn("{task.description}", style="bold", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("eta"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[loss]}", style="dim", markup=False),
            )
            self._bar = (
                NotebookProgress(*columns, speed_estimate_period=ETA_PERIOD)
                if in_notebook()
                else Progress(*columns, console=self.console, speed_estimate_period=ETA_PERIOD)
            )
            self._id = self._bar.add_task("starting", total=total, completed=done, loss="")

    def __enter__(self) -> Reporter:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def doing(self, what: str) -> None:
        """Show what the run is doing now, beside the bar."""
        if self._bar is not None and self._id is not None:
            self._bar.update(self._id, description=what)

    def advance(self, steps: int, losses: dict[str, float]) -> None:
        """Advance the bar by ``steps`` and show the losses of the last step."""
        if self._bar is not None and self._id is not None:
            shown = "  ".join(f"{name} {value:.3f}" for name, value in losses.items())
            self._bar.update(self._id, advance=steps, loss=shown)

    def say(self, line: str) -> None:
        """Print a permanent line, unless silent."""
        if self._mode != "silent":
            self.console.print(line, markup=False, soft_wrap=True)
