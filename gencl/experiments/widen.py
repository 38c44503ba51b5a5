"""Find new candidates around the best one: its neighbours in the grid, and values beyond the ends of the grid."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gencl.core.part import Part

Values = dict[str, Any]
"""A candidate: one value per key of a grid."""
Grid = dict[str, list[Any]]
"""The values to try per key. Keys are written as in a preset's ``methods:`` block: ``lambda``, ``train.lr``."""


@dataclass(frozen=True)
class Limits:
    """The range of a number. A limit marked ``open`` is itself not allowed."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False

    def admit(self, value: float) -> bool:
        """Return whether the value lies within the limits."""
        above = value > self.low if self.low_open else value >= self.low
        return above and (value < self.high if self.high_open else value <= self.high)

    @property
    def share(self) -> bool:
        """Whether the range lies within 0 to 100, as that of a share or percentage does."""
        return self.low >= 0 and self.high <= 100


def limits_of(kind: type[Part], key: str) -> Limits:
    """Return the limits of a setting (ge, gt, le, lt of its field). An unknown key is unlimited."""
    field = kind.model_json_schema().get("properties", {}).get(key, {})
    kinds: list[dict[str, Any]] = [field, *field.get("anyOf", [])]
    number = next((f for f in kinds if f.get("type") in ("number", "integer")), {})
    low, high = number.get("exclusiveMinimum"), number.get("exclusiveMaximum")
    return Limits(
        number.get("minimum", -math.inf) if low is None else low,
        number.get("maximum", math.inf) if high is None else high,
        low is not None,
        high is not None,
    )


def numeric(values: Sequence[Any]) -> bool:
    """Return whether there are several values and all are numbers, so that the least and the greatest are ends."""
    return len(values) > 1 and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def ends(grid: Grid, best: Values) -> list[str]:
    """Return the numeric keys whose best value is the least or the greatest of the grid."""
    return [key for key, values in grid.items() if numeric(values) and best[key] in (min(values), max(values))]


def beyond(values: Sequence[float], upward: bool, limits: Limits) -> float | None:
    """Return the value that continues the numbers beyond one end, or None if the setting's limit is reached.

    Positive values that span a factor of 2 or more continue by their last ratio, others by their last difference. A
    value that would cross a limit goes halfway to the limit instead, and so does a share that would continue by a
    difference. Whole numbers stay whole.
    """
    ordered = sorted(values, reverse=not upward)
    inner, end = ordered[-2:]
    positive = [value for value in values if value > 0]
    geometric = inner > 0 and end > 0 and max(positive) >= 2 * min(positive)
    further = end * (end / inner) if geometric else end + (end - inner)
    limit = limits.high if upward else limits.low
    if not limits.admit(further) or (limits.share and not geometric):
        further = (end + limit) / 2 if math.isfinite(limit) else end
    if all(isinstance(value, int) for value in values):
        further = round(further)
        if further == end:
            further = end + (1 if upward else -1)
    else:
        further = float(f"{further:.4g}")
    return further if limits.admit(further) and further not in values and (further > end) == upward else None


def neighbours(grid: Grid, best: Values) -> list[Values]:
    """Return the points of the grid that differ from the best by one step on one axis."""
    points = []
    for key, values in grid.items():
        place = values.index(best[key])
        points += [{**best, key: values[i]} for i in (place - 1, place + 1) if 0 <= i < len(values)]
    return points


def widened(
    grid: Grid, best: Values, limits: Mapping[str, Limits], allowed: Callable[[str, Any], bool]
) -> tuple[Grid, list[Values]]:
    """Return the grid, continued at each end where the best candidate lies, and the candidates that this adds.

    For each such key, one candidate moves the best point along that key's axis. With several such keys, one more
    candidate moves along all of them. ``allowed(key, value)`` says whether a setting accepts a value. There are no
    candidates if the best lies at no end, or only at ends that the settings' limits do not let continue.
    """
    moved: Values = {}
    for key in ends(grid, best):
        value = beyond(grid[key], best[key] == max(grid[key]), limits[key])
        if value is not None and allowed(key, value):
            moved[key] = value
    wider = {key: sorted([*values, moved[key]]) if key in moved else values for key, values in grid.items()}
    candidates = [{**best, key: value} for key, value in moved.items()]
    return wider, [*candidates, {**best, **moved}] if len(moved) > 1 else candidates


def whole(grid: Grid) -> int:
    """Return the number of points in the whole grid."""
    return math.prod(len(values) for values in grid.values())


def most(grid: Grid) -> int:
    """Return the largest number of candidates that one call of `widened` can add."""
    axes = sum(numeric(values) for values in grid.values())
    return axes + (axes > 1)
