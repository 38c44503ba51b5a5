"""Show results in a notebook: the terminal's tables as HTML, with bold and tied values, and pictures."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.jupyter import JUPYTER_HTML_FORMAT
from rich.table import Table

from gencl.core.errors import GenclError
from gencl.reports.comparison_tables import comparison_lines, comparison_table
from gencl.reports.page import inline
from gencl.reports.tables import evaluation_lines, evaluation_table, run_lines, run_table, run_title

if TYPE_CHECKING:
    from gencl.runs.folder import RunFolder

_WIDEST = 1000
"""The largest width of a table, in characters. It may be large, since a notebook scrolls."""


class Shown(dict[str, Any]):
    """A result with the content of its JSON file. A notebook displays it as a table."""

    def __init__(self, content: Mapping[str, Any], html: Callable[[dict[str, Any]], str]) -> None:
        super().__init__(content)
        self._html = html

    def _repr_html_(self) -> str:
        return self._html(self)


def comparison_html(results: dict[str, Any]) -> str:
    """Return the output of `gencl compare` as HTML."""
    return _table(comparison_table(results)) + _paragraphs(comparison_lines(results))


def evaluation_html(result: dict[str, Any]) -> str:
    """Return the output of `gencl evaluate` as HTML."""
    return _table(evaluation_table(result)) + _paragraphs(evaluation_lines(result))


def run_html(run: RunFolder) -> str | None:
    """Return the final output of `gencl train` as HTML, with the last sample grid.

    Returns None if the run has no readable metrics.json yet.
    """
    try:
        metrics = run.metrics
    except GenclError:
        return None
    table = _table(run_table(metrics)) if metrics["matrices"] else ""
    grids = run.grids()[-1:]
    pictures = "".join(f'<p><img alt="samples after the last task" src="{inline(path)}"></p>' for path in grids)
    return f"<p><b>{escape(run_title(metrics))}</b></p>" + table + _paragraphs(run_lines(metrics)) + pictures


def _table(table: Table) -> str:
    """Return a table as HTML, styled as on the terminal, with its content escaped."""
    console = Console(record=True, file=io.StringIO(), width=_WIDEST, force_jupyter=False)
    console.print(table)
    return console.export_html(inline_styles=True, code_format=JUPYTER_HTML_FORMAT)


def _paragraphs(lines: Iterable[str]) -> str:
    return "".join(f"<p>{escape(line)}</p>" for line in lines)
