"""A progress bar for work that takes more than two seconds, and messages to the user."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gencl.core.launcher import main_process
from gencl.core.notebook_bar import NotebookProgress, in_notebook
from gencl.core.progress import Mode
from gencl.core.terminal import ERRORS, console

T = TypeVar("T")
PATIENCE_SECONDS = 2.0
LINE_SECONDS = 10.0


def waited(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Yield the items and show progress on standard error, in the main process only.

    On a terminal or in a notebook, a bar appears after two seconds. Elsewhere, a line appears after ten seconds, then
    each time the elapsed time has doubled.
    """
    notebook = in_notebook()
    if not (main_process() and (ERRORS.isatty() or notebook)):
        yield from _with_lines(items, total, what) if main_process() else items
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = (
        NotebookProgress(*columns, transient=True)
        if notebook
        else Progress(*columns, console=console(), transient=True)
    )
    task = bar.add_task(what, total=total)
    started, shown = time.monotonic(), False
    try:
        for item in items:
            if not shown and time.monotonic() - started > PATIENCE_SECONDS:
                bar.start()
                shown = True
            yield item
            bar.advance(task)
    finally:
        bar.stop()


def _with_lines(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    started, due = time.monotonic(), LINE_SECONDS
    for done, item in enumerate(items, 1):
        yield item
        taken = time.monotonic() - started
        if taken > due and done < total:
            left = timedelta(seconds=round(taken / done * (total - done)))
            say(f"{what}: {done:,} of {total:,}, about {left} (h:mm:ss) to go")
            due = 2 * taken


def say(line: str, progress: Mode = "auto") -> None:
    """Print a line on standard error, from the main process only and unless ``progress`` is silent."""
    if progress != "silent" and main_process():
        console().print(line, markup=False, soft_wrap=True)
