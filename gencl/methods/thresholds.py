"""Activation thresholds below which CLNP closes units, and the search for the highest that a task can bear."""

from __future__ import annotations

from collections.abc import Callable

THRESHOLDS = [0.0, *(2.0 ** (step / 4) for step in range(-48, 16))]
"""As multiples of a layer's mean activation: theta of its own for each layer."""
_COARSE = 5


def highest(holds: Callable[[int], bool]) -> int | None:
    """Return the number of the highest threshold for which ``holds``: every fifth is tried, then those above the
    highest of these. None where none of these holds."""
    coarse = max((step for step in range(0, len(THRESHOLDS), _COARSE) if holds(step)), default=None)
    if coarse is None:
        return None
    finer = range(coarse + 1, min(coarse + _COARSE, len(THRESHOLDS)))
    return max((step for step in finer if holds(step)), default=coarse)
