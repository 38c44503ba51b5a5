"""Code that all HTML reports share: templates, names of figures, embedded pictures, heat maps and charts."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader

import gencl
from gencl import presets
from gencl.drawing.charts import Chart, Line, line_chart
from gencl.metrics import METRICS
from gencl.metrics.figures import extractor_title, figure, is_share, label, shown, with_unit
from gencl.metrics.transfer import Matrix
from gencl.reports.scales import Scale, per_cent

WIDE = 10.0
"""Distances that differ by more than this factor get a logarithmic scale."""
_TYPES = {".png": "image/png", ".gif": "image/gif"}


@cache
def environment() -> Environment:
    """Return the Jinja environment with the templates. It is made once and escapes all values."""
    loaded = Environment(
        loader=PackageLoader("gencl", "reports"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    loaded.filters.update(label=capital, share=is_share, extractor=extractor_title)
    loaded.filters["figure"] = lambda value, name: with_unit(name, value)
    loaded.globals.update(version=gencl.__version__)
    return loaded


def capital(name: str, features: Mapping[str, Any] | None = None) -> str:
    """Return a figure's name as a heading. ``features`` is the run's or comparison's record of its extractor."""
    text = figure(name).title or label(name, features)
    return text[:1].upper() + text[1:]


def inline(path: Path) -> str | None:
    """Return a picture (.png or .gif) as a data URL, or None if it is missing or cannot be read."""
    try:
        return f"data:{_TYPES[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"
    except OSError:
        return None


def preset_about(name: str) -> str:
    """Return the description of a built-in preset, or an empty text for any other preset.

    The time that the preset takes is left out: a report shows what its own runs took.
    """
    return presets.about(name, timed=False) if name in presets.names() else ""


def metric_about(name: str) -> str:
    """Return the description of a metric, without the closing bracket that names the learners it serves.

    Returns an empty text for a metric of a plug-in that is not installed here.
    """
    return METRICS.about(name).rpartition(" (")[0] if name in METRICS else ""


def up_to(tasks: Sequence[str]) -> list[str]:
    """Return the column names of a pooled matrix, in which R[i][j] is the score on all tasks up to j together."""
    return [f"up to {task}" if j else task for j, task in enumerate(tasks)]


def lower_is_better(name: str) -> bool:
    """Return whether smaller values of a figure are better. False for a figure of a plug-in that is not loaded."""
    return figure(name).better == "lower"


def heat(name: str, matrix: Matrix, scale: Scale) -> list[list[dict[str, Any]]]:
    """Return the text and the place on the colour scale of each entry. The place of a missing entry is None."""
    return [
        [
            {"text": "", "good": None}
            if value is None
            else {"text": shown(name, value), "good": per_cent(scale.place(value))}
            for value in row
        ]
        for row in matrix
    ]


def chart_of(name: str, lines: Sequence[Line], what: str, features: Mapping[str, Any] | None = None) -> Chart | None:
    """Return a chart of one metric's lines, with shares in per cent.

    Args:
        name: the metric.
        what: text to append to the chart's title.
        features: the run's or comparison's record of its extractor, for the title.

    Metrics for which lower is better get a logarithmic scale if their values differ by more than `WIDE`.
    """
    scale = 100.0 if is_share(name) else 1.0
    scaled = [
        Line(line.name, _times(line.values, scale), _times(line.spread, scale), line.main, line.level) for line in lines
    ]
    values = [value for line in scaled for value in line.values if value is not None]
    wide = lower_is_better(name) and bool(values) and 0 < WIDE * min(values) < max(values)
    form = ".1f" if scale == 100 else ".0f" if max(values, default=1.0) >= 10 else ".3g"
    unit = " %" if scale == 100 else ", logarithmic" if wide else ""
    return line_chart(scaled, f"{capital(name, features)}{unit}{what}", form, wide)


def _times(values: Sequence[float | None], scale: float) -> list[float | None]:
    return [None if value is None else scale * value for value in values]
