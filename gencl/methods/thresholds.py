"""Activation thresholds below which CLNP closes units, and the search for the highest that a task tolerates."""

from __future__ import annotations

from collections.abc import Callable

THRESHOLDS = [0.0, *(2.0 ** (step / 4) for step in range(-48, 16))]
"""Multiples of a layer's mean activation, so that each layer has its own theta."""
_COARSE = 5


def highest(holds: Callable[[int], bool]) -> int | None:
    """Return the number of the highest threshold found for which ``holds``, or None.

    Every fifth is tried first, then the four above the highest of these that holds. None if none of the first holds.
    """
    coarse = max((step for step in range(0, len(THRESHOLDS), _COARSE) if holds(step)), default=None)
    if coarse is None:
        return None
    finer = range(coarse + 1, min(coarse + _COARSE, len(THRESHOLDS)))
    return max((step for step in finer if holds(step)), default=coarse)
