"""The report of a run: one file that opens from disk, with everything inside."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader

from gencl.metrics import METRICS
from gencl.reports.tables import is_share, label, shown

if TYPE_CHECKING:
    from gencl.training.run import Run


def render(run: Run) -> str:
    """The report of a run as HTML; whatever a user wrote is escaped."""
    metrics = run.metrics
    matrices = [
        {
            "name": name,
            "lower": _lower_is_better(name),
            "rows": matrix,
            "colours": _colours(matrix, lower_is_better=_lower_is_better(name)),
            "percent": is_share(name),
        }
        for name, matrix in metrics["matrices"].items()
    ]
    pictures = sorted((run.path / "samples").glob("task-*.png"))
    environment = Environment(
        loader=PackageLoader("gencl", "reports"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    strip = run.path / "samples" / "evolution.png"
    return environment.get_template("report.html.j2").render(
        metrics=metrics,
        matrices=matrices,
        settings=run.settings.to_yaml(),
        evolution=_inline(strip) if strip.exists() else None,
        grids=[{"number": i + 1, "data": _inline(path)} for i, path in enumerate(pictures)],
        shown=lambda name, value: shown(name, value) + (" %" if is_share(name) else ""),
        label=lambda name: label(name)[:1].upper() + label(name)[1:],
    )


def _lower_is_better(name: str) -> bool:
    """As the metric itself says; a plug-in's that is not installed here counts as higher."""
    return name in METRICS and METRICS.get(name).better == "lower"


def _inline(path: Any) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _colours(matrix: list[list[float | None]], lower_is_better: bool) -> list[list[str | None]]:
    """A background for each entry: from pale (worst) to green (best) over the matrix."""
    found = [value for row in matrix for value in row if value is not None]
    if not found:
        return [[None] * len(row) for row in matrix]
    low, span = min(found), (max(found) - min(found)) or 1.0

    def colour(value: float | None) -> str | None:
        if value is None:
            return None
        share = (value - low) / span
        good = 1 - share if lower_is_better else share
        return f"hsl({8 + 132 * good:.0f} 62% {86 - 14 * good:.0f}%)"

    return [[colour(value) for value in row] for row in matrix]
