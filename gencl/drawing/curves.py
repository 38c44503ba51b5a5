"""Draw metrics over the tasks learned so far: one line per method, with a band of one standard deviation."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gencl.drawing.names import shortened
from gencl.metrics.figures import heading, is_pooled, is_share
from gencl.metrics.transfer import Matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette for colour-blind readers; their yellow is darkened, because it is invisible on white
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7A5C99", "#8C8C00")
_STYLES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))
_MARKERS = ("o", "s", "^", "D")
_MAX_MARKED = 20
_Band = tuple[list[int], list[float], list[float], str]
"""Tasks learned, means, standard deviations and colour of a line."""
_LETTERS = 40
"""Maximal length of a name at the end of a line; longer names leave no room for the axes."""


@dataclass(frozen=True)
class Curve:
    """Mean (None: not measured), sample standard deviation (None for one run) and number of runs, after each task."""

    mean: list[float | None]
    std: list[float | None]
    n: list[int]

    @classmethod
    def over(cls, runs: Sequence[Sequence[float | None]]) -> Curve:
        """Return the curve of several runs of one method."""
        columns = [[run[t] for run in runs if t < len(run)] for t in range(max(map(len, runs)))]
        values = [[value for value in column if value is not None] for column in columns]
        return cls(
            [statistics.fmean(there) if there else None for there in values],
            [statistics.stdev(there) if len(there) > 1 else None for there in values],
            [len(there) for there in values],
        )

    @property
    def level(self) -> bool:
        """Whether only the last task has a value, as for joint training."""
        return len(self.mean) > 1 and all(value is None for value in self.mean[:-1])


def so_far(matrix: Matrix, pooled: bool = False) -> list[float | None]:
    """Return the mean of R[t][0..t] after each task t, None if an entry is missing.

    If ``pooled``, return R[t][t], which already covers all tasks up to t together.
    """
    if pooled:
        return [row[t] for t, row in enumerate(matrix)]
    means: list[float | None] = []
    for t, row in enumerate(matrix):
        values = [value for value in row[: t + 1] if value is not None]
        means.append(statistics.fmean(values) if len(values) == t + 1 else None)
    return means


def over_tasks(metric: str, features: Mapping[str, Any] | None) -> str:
    """Return a description of how `so_far` averages a metric over tasks."""
    return "all tasks learned so far together" if is_pooled(metric, features) else "mean over the tasks learned so far"


def curves_csv(metric: str, curves: Mapping[str, Curve]) -> str:
    """Return the numbers of the figure as CSV: method, metric, tasks_learned, mean, std, n."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["method", "metric", "tasks_learned", "mean", "std", "n"])
    for name, curve in curves.items():
        for t, (mean, std, n) in enumerate(zip(curve.mean, curve.std, curve.n, strict=True)):
            if mean is not None:
                writer.writerow([name, metric, t + 1, mean, std, n])
    return text.getvalue()


def draw_curves(
    metric: str, curves: Mapping[str, Curve], preset: str, seeds: int, features: Mapping[str, Any] | None = None
) -> bytes:
    """Return the figure as PNG bytes. ``features`` are those in which the metric is measured.

    Names are written at the ends of the lines, ordered by last value and moved apart. Distances have a logarithmic
    axis, because those of plain training are often ten times larger.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, ScalarFormatter

    scale = 100 if is_share(metric) else 1
    tasks = max(len(curve.mean) for curve in curves.values())
    figure = Figure(figsize=(7.5, max(4.2, 0.24 * len(curves) + 1.2)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    ends: list[tuple[float, float, str, dict[str, Any]]] = []
    bands: list[_Band] = []
    for name, curve in curves.items():
        points = [(t + 1, scale * mean) for t, mean in enumerate(curve.mean) if mean is not None]
        if not points:
            continue
        x, y = points[-1]
        if curve.level:
            look: dict[str, Any] = {"color": "black", "linestyle": (0, (6, 3)), "linewidth": 1.2}
            axes.axhline(y, **look, zorder=1)
            ends.append((tasks, y, name, look))
            continue
        look = line_look(len(bands), marked=tasks <= _MAX_MARKED)
        spread = [scale * (curve.std[t - 1] or 0.0) for t, _ in points]
        times, means = [t for t, _ in points], [value for _, value in points]
        bands.append((times, means, spread, look["color"]))
        axes.plot(times, means, **look, clip_on=False)
        ends.append((x, y, name, look))
    axes.set_xlim(1 if tasks > 1 else 0.5, tasks if tasks > 1 else 1.5)
    axes.set_xlabel("tasks learned")
    axes.set_ylabel(f"{heading(metric, features)}, {over_tasks(metric, features)}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    shown = [*(y for _, y, _, _ in ends), *(value for _, means, _, _ in bands for value in means)]
    log = scale == 1 and all(value > 0 for value in shown)
    _draw_bands(axes, bands, shown, log)
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    band = f", band: ± 1 standard deviation of {seeds} seeds" if seeds > 1 else ""
    axes.set_title(f"{preset}{band}", fontsize=10, loc="left", parse_math=False)
    most = max((y for _, y, _, _ in ends), default=1.0)
    _name_ends(axes, ends, ".1f" if scale == 100 else ".0f" if most >= 10 else ".3g")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160, bbox_inches="tight")
    return buffer.getvalue()


def _draw_bands(axes: Axes, bands: Sequence[_Band], shown: Sequence[float], log: bool) -> None:
    """Draw a band of one standard deviation around each line.

    A logarithmic axis has no place for 0 and below. A band that reaches there ends at the lowest value in the picture:
    of the means ``shown`` or the other ends of bands.
    """
    lows = [[v - s for v, s in zip(means, spread, strict=True)] for _, means, spread, _ in bands]
    floor = min((value for values in (shown, *lows) for value in values if value > 0 or not log), default=0.0)
    for (times, means, spread, ink), low in zip(bands, lows, strict=True):
        high = [v + s for v, s in zip(means, spread, strict=True)]
        axes.fill_between(times, [max(v, floor) for v in low], high, color=ink, alpha=0.13, linewidth=0)


def line_look(number: int, marked: bool) -> dict[str, Any]:
    """Return the style of line ``number``. Colours vary first, then line styles and markers: 32 distinct looks."""
    style = number // len(_COLOURS) % len(_STYLES)
    look = {"color": _COLOURS[number % len(_COLOURS)], "linestyle": _STYLES[style], "linewidth": 1.6}
    return {**look, "marker": _MARKERS[style] if marked else None, "markersize": 3.5}


def _name_ends(axes: Any, ends: Sequence[tuple[float, float, str, dict[str, Any]]], form: str) -> None:
    """Write each line's name and last value right of the axes, without overlaps, connected to the line's end."""
    axes.set_ylim(axes.get_ylim())
    axes.figure.draw_without_rendering()  # fixes the layout, on which the positions depend
    to_axes = axes.transData + axes.transAxes.inverted()
    placed = sorted(((*to_axes.transform((x, y)), y, name, look) for x, y, name, look in ends), key=lambda end: end[1])
    step = 0.165 / axes.get_window_extent().transformed(axes.figure.dpi_scale_trans.inverted()).height
    heights = apart([end[1] for end in placed], step, 0.0, 1.0)
    for (x, y, value, name, look), height in zip(placed, heights, strict=True):
        place: dict[str, Any] = {"transform": axes.transAxes, "clip_on": False}
        axes.plot([x + 0.008, 1.05], [y, height], color=look["color"], linewidth=0.6, **place)
        axes.plot([1.05, 1.085, 1.12], [height] * 3, **{**look, "markevery": [1]}, **place)
        axes.text(
            1.135,
            height,
            f"{shortened(name, _LETTERS)}  {value:{form}}",
            color="0.15",
            va="center",
            fontsize=8.5,
            parse_math=False,
            **place,
        )


def apart(values: Sequence[float], step: float, low: float, high: float) -> list[float]:
    """Move ascending values as little as needed to be ``step`` apart, and between ``low`` and ``high`` if they fit."""
    groups: list[tuple[float, int]] = []  # centre and number of adjacent names

    def held(centre: float, count: int) -> float:
        half = step * (count - 1) / 2
        return min(max(centre, low + half), max(high - half, low + half))

    for value in values:
        centre, count = held(value, 1), 1
        while groups and centre - step * (count - 1) / 2 < groups[-1][0] + step * (groups[-1][1] + 1) / 2:
            before, others = groups.pop()
            centre, count = held((before * others + centre * count) / (others + count), count + others), count + others
        groups.append((centre, count))
    return [centre + step * (i - (count - 1) / 2) for centre, count in groups for i in range(count)]
