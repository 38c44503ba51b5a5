"""How results show in a notebook: as tables and pictures, where a terminal would print them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gencl.core.errors import GenclError
from gencl.metrics.figures import cell, heading, is_share, label, shown
from gencl.reports.comparison_tables import QUALITY, comparison_keys

if TYPE_CHECKING:
    from gencl.runs.folder import RunFolder


class Shown(dict[str, Any]):
    """A result as its JSON file holds it; at the end of a notebook's cell it is a table."""

    def __init__(self, content: Mapping[str, Any], html: Callable[[Mapping[str, Any]], str]) -> None:
        super().__init__(content)
        self._html = html

    def _repr_html_(self) -> str:
        return self._html(self)


def table_html(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; all that is passed in is escaped. Figures stand at the right."""

    def line(row: Sequence[str]) -> str:
        aligned = [f'<td style="text-align:{"right" if k else "left"}">{escape(t)}</td>' for k, t in enumerate(row)]
        return f"<tr>{''.join(aligned)}</tr>"

    cells = "".join(f"<th>{escape(text)}</th>" for text in head)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(map(line, rows))}</tbody></table>"


def comparison_html(results: Mapping[str, Any]) -> str:
    """Methods down, figures across: mean ± standard deviation over seeds; failures beneath."""
    keys = comparison_keys(dict(results), QUALITY)
    rows = [[name, *(cell(key, row.get(key)) for key in keys)] for name, row in results["methods"].items()]
    failed = {name: row["error"] for name, row in results["methods"].items() if row["status"] == "failed"}
    notes = "".join(f"<p>{escape(name)}: {escape(str(error))}</p>" for name, error in failed.items())
    return table_html(["method", *map(heading, keys)], rows) + notes


def evaluation_html(result: Mapping[str, Any]) -> str:
    """Tasks down, metrics across, the mean last."""
    names = list(result["mean"])
    rows = [*result["tasks"], {"task": "mean", **result["mean"]}]
    found = [[str(row["task"]), *(shown(name, row.get(name)) for name in names)] for row in rows]
    return table_html(["task", *map(heading, names)], found)


def run_html(run: RunFolder) -> str | None:
    """What a run learned, task by task, and what it draws; None where there is nothing yet."""
    try:
        metrics = run.metrics
    except GenclError:
        return None
    matrices = metrics["matrices"]
    head = ["task"]
    for name in matrices:
        head += [f"{heading(name)}, just learned", "at the end"]
    rows = [
        [task, *(shown(name, m[i][j]) for name, m in matrices.items() for i in (j, -1))]
        for j, task in enumerate(metrics["tasks"])
    ]
    title = f"{metrics['method']} on {metrics['preset']}, seed {metrics['seed']}"
    figures = [f"{label(k)} {shown(k, v)}{' %' if is_share(k) else ''}" for k, v in metrics["summary"].items()]
    grids = sorted((run.path / "samples").glob("task-*.png"))[-1:]
    pictures = "".join(f'<p><img alt="samples after the last task" src="{_inline(path)}"></p>' for path in grids)
    lines = (f"<p><b>{escape(title)}</b></p>", table_html(head, rows), f"<p>{escape(', '.join(figures))}</p>", pictures)
    return "".join(lines)


def _inline(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
