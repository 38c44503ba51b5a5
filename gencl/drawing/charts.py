"""Compute the coordinates of line charts, which the report's templates draw as SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gencl.drawing.curves import apart
from gencl.drawing.names import shortened

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 800, 52, 245, 28, 40
"""The width of the picture, and the margins around the plot, in pixels."""
PLOT = 250
"""The minimal height of the plot."""
STEP = 16
"""The minimal distance between two names at the ends of lines."""
MARKED = 20
"""With more tasks than this, points are drawn without dots."""


@dataclass(frozen=True)
class Line:
    """Values after each task (None: not measured), optionally with spreads.

    A ``main`` line is emphasised. A ``level`` line draws its last value as a horizontal line.
    """

    name: str
    values: Sequence[float | None]
    spread: Sequence[float | None] = ()
    main: bool = False
    level: bool = False


@dataclass(frozen=True)
class Drawn:
    """A line in coordinates of the picture.

    ``look`` is the number of its colour and dash style. ``dots`` are (x, y, text to show on hovering). ``band`` is the
    outline of the spread. The name is written at height ``label_y``.
    """

    name: str
    label: str
    value: str
    kind: str
    look: int
    points: str
    dots: list[tuple[float, float, str]]
    band: str
    end: tuple[float, float]
    label_y: float


@dataclass(frozen=True)
class Chart:
    """A chart ready for the template. Ticks are pairs of position and text."""

    height: int
    lines: list[Drawn]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    y_label: str
    log: bool
    marked: bool = True
    width: int = field(default=WIDTH)
    left: int = field(default=LEFT)
    right: int = field(default=WIDTH - RIGHT)
    top: int = field(default=TOP)

    @property
    def bottom(self) -> int:
        return self.height - BOTTOM


def line_chart(lines: Sequence[Line], y_label: str, form: str = ".1f", log: bool = False) -> Chart | None:
    """Return the chart of lines over 1, 2, ... tasks learned, or None if no line has two values.

    Args:
        form: the format of values, as `format` takes it.
        log: whether the axis is logarithmic; ignored unless all values are positive.
    """
    if all(sum(value is not None for value in line.values) < 2 for line in lines):
        return None
    tasks = max(len(line.values) for line in lines)
    height = TOP + max(PLOT, STEP * (len(lines) - 1)) + BOTTOM
    log = log and all(value > 0 for line in lines for value in line.values if value is not None)
    extremes = [value for line in lines for value in _extremes(line, log)]
    bottom, right = height - BOTTOM, WIDTH - RIGHT
    y, y_ticks = axis(min(extremes), max(extremes), TOP, bottom, log)

    def x(task: int) -> float:
        return round(LEFT + (right - LEFT) * (task - 1) / (tasks - 1), 1)

    drawn: list[Drawn] = []
    for line in lines:
        points = [(x(t + 1), y(value)) for t, value in enumerate(line.values) if value is not None]
        if not points:
            continue
        after = [
            f"{line.name}, after {t + 1} task{'s' * (t > 0)}: {value:{form}}"
            for t, value in enumerate(line.values)
            if value is not None
        ]
        last = next(value for value in reversed(line.values) if value is not None)
        points = [(float(LEFT), y(last)), (float(right), y(last))] if line.level else points
        drawn.append(
            Drawn(
                name=line.name,
                label=shortened(line.name),
                value=f"{last:{form}}",
                kind="level" if line.level else "main" if line.main else "",
                look=sum(not d.kind for d in drawn),
                points=path_of(points),
                dots=[] if line.level else [(*point, text) for point, text in zip(points, after, strict=True)],
                band="" if line.level else _band(line, x, y),
                end=points[-1],
                label_y=0.0,
            )
        )
    order = sorted(range(len(drawn)), key=lambda i: drawn[i].end[1])
    places = apart([drawn[i].end[1] for i in order], STEP, TOP, bottom)
    for i, place in zip(order, places, strict=True):
        drawn[i] = Drawn(**{**vars(drawn[i]), "label_y": round(place, 1)})
    every = max(1, math.ceil(tasks / 12))
    x_ticks = [(x(task), str(task)) for task in range(1, tasks + 1) if task == 1 or task % every == 0]
    return Chart(height, drawn, x_ticks, y_ticks, y_label, log, marked=tasks <= MARKED)


def axis(
    least: float, most: float, top: float, bottom: float, log: bool
) -> tuple[Callable[[float], float], list[tuple[float, str]]]:
    """Return a function from values to positions on a vertical axis, and the positions and texts of the ticks.

    Positions are pixels from ``top`` to ``bottom``; ``least`` and ``most`` are the range of the values.
    """
    low, high, ticks = (_log_ticks if log else _ticks)(least, most)

    def y(value: float) -> float:
        one, two, at = (math.log(max(v, low)) if log else v for v in (low, high, value))
        return round(bottom - (bottom - top) * min(1.0, max(0.0, (at - one) / (two - one))), 1)

    return y, [(y(value), f"{value:g}") for value in ticks]


def _extremes(line: Line, log: bool) -> list[float]:
    """Return the values and the ends of their spreads, as far as the axis can show them."""
    spread = line.spread or [None] * len(line.values)
    pairs = [(v, s or 0.0) for v, s in zip(line.values, spread, strict=True) if v is not None]
    return [value for v, s in pairs for value in (v - s, v, v + s) if value > 0 or not log]


def _band(line: Line, x: Callable[[int], float], y: Callable[[float], float]) -> str:
    """Return the outline of the band of one spread around the line, "" if there is no spread."""
    points = [(t + 1, v, s) for t, (v, s) in enumerate(zip(line.values, line.spread, strict=False)) if v is not None]
    if not any(s for _, _, s in points):
        return ""
    above = [(x(t), y(v + (s or 0.0))) for t, v, s in points]
    below = [(x(t), y(v - (s or 0.0))) for t, v, s in reversed(points)]
    return path_of([*above, *below])


def path_of(points: Sequence[tuple[float, float]]) -> str:
    """Return points in the format of SVG's ``points`` attribute."""
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def _ticks(low: float, high: float) -> tuple[float, float, list[float]]:
    """Return both ends of a linear axis, and about five round tick values."""
    differ = high - low > 1e-9 * max(abs(low), abs(high))  # else means of equal values differ by rounding
    span = high - low if differ else abs(high) or 1.0
    unit = 10.0 ** math.floor(math.log10(span / 4))
    step = next(unit * k for k in (1, 2, 5, 10) if unit * k >= span / 5)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    ticks = [float(f"{k * step:.10g}") for k in range(first, last + 1)]
    return ticks[0], ticks[-1], ticks


def _log_ticks(low: float, high: float) -> tuple[float, float, list[float]]:
    """Return both ends of a logarithmic axis and tick values 1, 2, 5, 10, ..., or powers of ten for many decades."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(decades) <= 4 else (1,)
    inside = [k * 10.0**d for d in decades for k in steps if low * 0.999 <= k * 10.0**d <= high * 1.001]
    return low / 1.05, high * 1.05, [float(f"{value:.6g}") for value in inside] or [low, high]
