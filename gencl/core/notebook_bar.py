"""Rich's progress bar as text in a notebook cell. Unlike Rich's own, it needs neither ipywidgets nor a thread."""

from __future__ import annotations

import io
import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import Progress, ProgressColumn, TaskID

_WIDTH = 100
_SECONDS = 0.5
"""Minimum time between two updates of the bar: each sends a message to the browser."""


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook (Jupyter, Colab, VS Code)."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


class NotebookProgress(Progress):
    """A `rich.progress.Progress` that is a single output of the cell, updated in place."""

    def __init__(
        self, *columns: str | ProgressColumn, transient: bool = False, speed_estimate_period: float = 30
    ) -> None:
        super().__init__(*columns, auto_refresh=False, speed_estimate_period=speed_estimate_period)
        self._handle: Any = None
        self._due, self._transient = 0.0, transient

    def start(self) -> None:
        from IPython.display import display

        self._handle = display(self._text(), raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.update({"text/plain": ""} if self._transient else self._text(), raw=True)
            self._handle = None

    def update(self, task_id: TaskID, **changes: Any) -> None:
        super().update(task_id, **changes)
        self._show()

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        super().advance(task_id, advance)
        self._show()

    def _show(self) -> None:
        if self._handle is not None and time.monotonic() > self._due:
            self._due = time.monotonic() + _SECONDS
            self._handle.update(self._text(), raw=True)

    def _text(self) -> dict[str, str]:
        console = Console(file=io.StringIO(), width=_WIDTH, force_jupyter=False, record=True)
        console.print(self.get_renderable())
        return {"text/plain": console.export_text().rstrip()}
