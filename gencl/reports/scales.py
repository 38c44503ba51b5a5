"""The colour scales of heat maps: where a value lies between the worst and the best, by the same rule everywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gencl.metrics.figures import REAL_IMAGES, figure, is_share, with_unit
from gencl.metrics.transfer import Matrix

WORST = 10.0
"""An error or a distance has the worst colour at this many times its reference."""
LOST = 0.25
"""A change of a share by this much, as a fraction, has the full colour."""


@dataclass(frozen=True)
class Scale:
    """The two ends of a colour scale and their labels. If ``log``, the scale is logarithmic."""

    worst: float
    best: float
    worst_text: str
    best_text: str
    log: bool = False

    def place(self, value: float) -> float:
        """Return the place of a value on the scale: from 0 at the worst end or beyond, to 100 at the best or beyond."""
        low, high = sorted((self.worst, self.best))
        value = min(max(value, low), high)
        worst, best, value = (math.log(v) if self.log else v for v in (self.worst, self.best, value))
        return 100.0 if worst == best else 100 * (value - worst) / (best - worst)


def scale_of(name: str, matrix: Matrix, floor: float | None = None) -> Scale:
    """Return the colour scale for the values of a figure.

    Shares go from 0 to 100 %. A figure for which lower is better goes, logarithmically, from a reference to `WORST`
    times that reference. The reference is the score of real images (``floor``) if it is positive. Otherwise it is the
    lowest value right after learning (the diagonal of a square matrix), or else the lowest value of all. Other figures,
    and those without a positive reference, go from the worst value to the best one.
    """
    values = [value for row in matrix for value in row if value is not None]
    lower = figure(name).better == "lower"
    if is_share(name) and all(0 <= value <= 1 for value in values):
        worst, best = (1.0, 0.0) if lower else (0.0, 1.0)
        return Scale(worst, best, with_unit(name, worst), with_unit(name, best))
    if lower and values:
        measured = floor is not None and floor > 0
        reference, what = (floor, REAL_IMAGES) if measured else (_learned_best(matrix), "best")
        if reference is not None and reference > 0:
            worst_text = f"{with_unit(name, WORST * reference)} or more ({WORST:.0f} × {what})"
            best_text = f"{with_unit(name, reference)} or less ({what})" if measured else with_unit(name, reference)
            return Scale(WORST * reference, reference, worst_text, best_text, log=True)
    low, high = min(values, default=0.0), max(values, default=0.0)
    worst, best = (high, low) if lower else (low, high)
    return Scale(worst, best, with_unit(name, worst), with_unit(name, best))


def change_place(name: str, before: float | None, after: float | None) -> float | None:
    """Return the place of a change on the colour scale: 50 for no change, below 50 for a loss, above for a gain.

    The ends 0 and 100 are reached at a change of `LOST` for shares, and at a factor of `WORST` for other figures.
    Returns None if a value is missing, or if a factor is needed and a value is not positive.
    """
    if before is None or after is None:
        return None
    sign = -1 if figure(name).better == "lower" else 1
    if is_share(name):
        gained = sign * (after - before) / LOST
    elif before > 0 and after > 0:
        gained = sign * math.log(after / before) / math.log(WORST)
    else:
        return None
    return 50 + 50 * min(1.0, max(-1.0, gained))


def _learned_best(matrix: Matrix) -> float | None:
    square = all(len(row) == len(matrix) for row in matrix)
    diagonal = [row[i] for i, row in enumerate(matrix)] if square else []
    values = [v for v in diagonal if v is not None] or [v for row in matrix for v in row if v is not None]
    return min(values, default=None)


def per_cent(place: float) -> str:
    """Return a place as a percentage for CSS."""
    return f"{place:.0f}%"
