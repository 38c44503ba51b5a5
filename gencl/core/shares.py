"""Divide a whole number in proportion to given shares."""

from __future__ import annotations

import math
from collections.abc import Sequence


def apportioned(total: int, shares: Sequence[float], least: int = 0) -> list[int]:
    """Divide ``total`` into integers by shares that sum to 1 (largest remainder method; the first wins a tie).

    The integers sum to ``total``. Each is then raised to ``least``, so that the sum may become larger.
    """
    exact = [total * share for share in shares]
    counts = [math.floor(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda place: counts[place] - exact[place])
    for place in by_remainder[: max(0, total - sum(counts))]:
        counts[place] += 1
    return [max(least, count) for count in counts]
