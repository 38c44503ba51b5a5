"""Whole numbers that stand to each other as shares do."""

from __future__ import annotations

import math
from collections.abc import Sequence


def apportioned(total: int, shares: Sequence[float], least: int = 0) -> list[int]:
    """Divides ``total`` by shares that sum to 1: the largest remainders are rounded up, of equal ones the first.

    The numbers sum to ``total``. With ``least`` each is raised to that, so that they may sum to more.
    """
    exact = [total * share for share in shares]
    counts = [math.floor(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda place: counts[place] - exact[place])
    for place in by_remainder[: max(0, total - sum(counts))]:
        counts[place] += 1
    return [max(least, count) for count in counts]
