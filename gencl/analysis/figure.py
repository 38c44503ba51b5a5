"""The result of an analysis (picture and numbers), and the common style of its pictures (`gencl.drawing.curves`)."""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gencl.drawing.curves import line_look
from gencl.drawing.names import all_shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_FOLDED = 42
"""Maximal number of characters per line of a panel title."""
_LETTERS = 12.5
"""Characters of a legend that fit in an inch."""
_MARKED = 20
"""Lines with more points are drawn without markers."""


@dataclass(frozen=True)
class Drawing:
    """A picture ``NAME.png`` (``png``: its bytes) with its tables, and ``said``, a summary of what it shows.

    ``tables`` maps file names without ``.csv`` to CSV text.
    """

    name: str
    png: bytes
    tables: Mapping[str, str]
    said: str


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return the rows as CSV text; None becomes an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def canvas(title: str, columns: Sequence[float], height: float, rows: int = 1) -> tuple[Canvas, Any]:
    """Return a figure and its panels, an array (rows, columns). ``columns`` are the relative widths of the columns.

    The figure is ``height`` inches high, and 12 inches wide (7.5 with a single column).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    figure = Canvas(figsize=(12 if len(columns) > 1 else 7.5, height), layout="constrained")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.09, h_pad=0.06)  # type: ignore[union-attr, call-arg]
    figure.suptitle(title, fontsize=10.5, x=0.01, ha="left", parse_math=False)
    return figure, figure.subplots(rows, len(columns), width_ratios=columns, squeeze=False)


def wall(title: str, number: int, height: float, more: float) -> tuple[Canvas, list[Axes]]:
    """Return a figure with ``number`` equal panels, and the panels. There are at most three per row.

    Each row is ``height`` inches high; ``more`` are the inches for title and legend.
    """
    across = min(number, 3)
    down = -(-number // across)
    figure, panels = canvas(title, [1.0] * across, height * down + more, down)
    for axes in panels.flat[number:]:
        axes.set_visible(False)
    return figure, list(panels.flat[:number])


def png(figure: Canvas) -> bytes:
    """Return the figure as PNG bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=140)
    return buffer.getvalue()


def short(name: str) -> str:
    """Drop uninformative parts of the name of a layer or weight: ``trunk.hidden.0.linear`` becomes ``hidden.0``."""
    parts = [part for part in name.split(".") if part not in ("generator", "linear", "conv", "weight")]
    without = [part for part in parts if part != "trunk"]
    return ".".join(parts if "".join(without).isdigit() else without) or name


def plain(axes: Axes, title: str, grid: str = "y") -> None:
    """Give the panel the common style: no frame at top and right, a pale ``grid``, the title on the left."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, color="0.9", linewidth=0.8)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.set_title(title, fontsize=9.5, loc="left", parse_math=False)
    axes.tick_params(labelsize=8.5)


def folded(label: str) -> str:
    """Break a method's label into lines for a panel title, without breaking a setting."""
    lines = [""]
    for part in label.replace(":", " :").split(" "):
        lines[-1:] = [lines[-1] + part] if len(lines[-1] + part) <= _FOLDED or not lines[-1] else [lines[-1], part]
    return "\n".join(lines)


def colour(number: int) -> str:
    """Return the colour of line ``number``."""
    return str(line_look(number, marked=False)["color"])


def spread(values: Sequence[float | None]) -> tuple[float | None, float]:
    """Return mean and sample standard deviation of the defined values: (None, 0) for none, deviation 0 for one."""
    defined = [value for value in values if value is not None]
    if not defined:
        return None, 0.0
    return statistics.fmean(defined), statistics.stdev(defined) if len(defined) > 1 else 0.0


def lines(
    axes: Axes, names: Sequence[str], series: Mapping[str, Sequence[Sequence[float | None]]], first: int = 0
) -> None:
    """Draw one line per entry of ``series`` over ``names``: the mean of its runs, with bars of one standard deviation.

    Colours begin with number ``first``. The lines are shifted slightly sideways, so that their bars do not overlap.
    """
    for number, (label, runs) in enumerate(series.items()):
        averaged = [spread(column) for column in zip(*runs, strict=True)]
        aside = 0.03 * (number - (len(series) - 1) / 2)
        points = [(x + aside, mean, std) for x, (mean, std) in enumerate(averaged) if mean is not None]
        if points:
            x, means, stds = (list(part) for part in zip(*points, strict=True))
            look = line_look(first + number, marked=len(names) <= _MARKED)
            axes.plot(x, means, **look, label=label)
            if any(stds):
                axes.errorbar(x, means, stds, fmt="none", ecolor=look["color"], elinewidth=1, alpha=0.55)
    shown = [short(name) for name in names]
    steep = len(names) > 3 or max(map(len, shown)) > 12
    axes.set_xticks(
        range(len(names)), shown, rotation=30 if steep else 0, ha="right" if steep else "center", rotation_mode="anchor"
    )
    axes.set_xlim(-0.3, len(names) - 0.7)


def legend(figure: Canvas, panels: Iterable[Axes]) -> None:
    """Draw one legend for the lines of all ``panels`` beneath them, unless there is only one line."""
    handles: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if len(handles) > 1:
        room = int(_LETTERS * figure.get_figwidth())
        columns = min(len(handles), max(1, room // (8 + max(map(len, handles)))))
        place: dict[str, Any] = {"loc": "outside lower center", "ncols": columns, "frameon": False, "fontsize": 9}
        for text in figure.legend(list(handles.values()), list(handles), **place).get_texts():
            text.set_parse_math(False)


def bars(axes: Axes, names: Sequence[str], values: Sequence[tuple[float | None, float]]) -> None:
    """Draw horizontal bars from the top down for ``values`` (mean, standard deviation), labelled with their means.

    Colours are those of the lines. The axis is logarithmic if all means are positive and span a factor above 20.
    """
    means = [mean for mean, _ in values if mean is not None]
    if means and min(means) > 0 and max(means) > 20 * min(means):
        axes.set_xscale("log")
        axes.set_xlim(10 ** math.floor(math.log10(min(means)) - 0.3), 10 ** (math.log10(max(means)) + 0.9))
    elif means:
        ends = [mean + std for mean, std in values if mean is not None]
        axes.set_xlim(min(0.0, 1.3 * min(means)), max(0.0, 1.3 * max(ends)) or 1.0)
    for row, (mean, std) in enumerate(values):
        if mean is not None:
            axes.barh(row, mean, xerr=std or None, color=colour(row), height=0.62, error_kw={"lw": 1, "ecolor": "0.3"})
            axes.annotate(
                f" {mean:,.3g}" if abs(mean) < 1000 else f" {mean:,.0f}", (max(mean + std, 0), row), va="center",
                fontsize=8.5, color="0.15",
            )  # fmt: skip
    axes.set_yticks(range(len(names)), all_shortened(names), parse_math=False)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
