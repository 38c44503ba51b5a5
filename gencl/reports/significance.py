"""Whether methods differ by more than their seeds do: intervals, paired tests, and ties. Pure functions.

A seed draws the same tasks, data and initial values for every method, so that methods are compared seed by seed: the
differences vary less than the scores. Intervals and the t test are Student's; the signed rank test is Wilcoxon's
(1945), which with five pairs cannot come below p = 2 / 2^5 = 0.0625. Several tests on one figure are corrected by Holm
(1979).
"""

from __future__ import annotations

import math
import statistics
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeGuard

LEVEL = 0.05
"""Two methods tie where the corrected p of the paired t test is not below it; intervals hold one less this."""
DIGITS = 12
"""Differences are rounded to this many decimals: scores that differ only in how they were added up are equal."""

Values = Sequence[float | None]
"""Of one figure and method, one for each seed, None where it is missing."""


def of_seeds(values: Values) -> dict[str, Any]:
    """Return the mean, the sample standard deviation (None of one), their number, the 95 % interval of the mean, and
    the values themselves. At least one must be there."""
    there = [value for value in values if _is_there(value)]
    n = len(there)
    spread = statistics.stdev(there) if n > 1 else None
    mean = statistics.fmean(there)
    finite: list[float | None] = [value if _is_there(value) else None for value in values]
    return {"mean": mean, "std": spread, "n": n, "ci95": _interval(mean, spread, n), "values": finite}


def difference(one: Values, other: Values) -> dict[str, Any]:
    """Return ``one`` minus ``other`` over the seeds that both have: n, mean, 95 % interval, and the two-sided p of the
    paired t test and of Wilcoxon's signed rank test; None what so few pairs do not give."""
    pairs = [round(a - b, DIGITS) for a, b in zip(one, other, strict=True) if _is_there(a) and _is_there(b)]
    n = len(pairs)
    mean = statistics.fmean(pairs) if pairs else None
    spread = statistics.stdev(pairs) if n > 1 else None
    interval = None if mean is None else _interval(mean, spread, n)
    return {"n": n, "mean": mean, "ci95": interval, "t_p": _t_test(mean, spread, n), "wilcoxon_p": _wilcoxon(pairs)}


def holm(p_values: Values) -> list[float | None]:
    """Return p values corrected for being several: the k-th smallest of m is multiplied by m - k + 1, at most 1, never
    less than the one before it (Holm 1979). Missing ones stay so and do not count."""
    ranked = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for k, (p, place) in enumerate(ranked):
        largest = max(largest, min(1.0, (len(ranked) - k) * p))
        corrected[place] = largest
    return corrected


def compared(
    values: Mapping[str, Values], better: Literal["higher", "lower"], competing: Sequence[str], baseline: str | None
) -> dict[str, Any]:
    """Return how methods compare in one figure.

    Args:
        values: of each method; all in the same order of seeds.
        better: which way is better.
        competing: the methods among which the best is looked for: those that are no mere reference.
        baseline: the method to which all are compared too, if any.

    ``best`` is the one with the best mean. ``to_best`` and ``to_baseline`` hold for each other competing method what
    `difference` gives (its own values minus those of the best or the baseline), with ``t_p_holm`` and
    ``wilcoxon_p_holm``, corrected over the methods of the figure. In ``to_best``, ``tied`` says whether the method is
    as good as the best (None: nobody knows, since they have fewer than two seeds in common, or since on those that they
    have it is the better one).
    """
    means = {label: statistics.fmean(filter(_is_there, values[label])) for label in competing}
    best = (min if better == "lower" else max)(means, key=lambda label: means[label])
    to_best = _against(values, competing, best)
    for row in to_best.values():
        row["tied"] = None if row["t_p_holm"] is None else row["t_p_holm"] >= LEVEL
        if row["tied"] is False and (row["mean"] < 0) == (better == "lower"):
            row["tied"] = None
    comparison: dict[str, Any] = {"better": better, "best": best, "to_best": to_best}
    return {**comparison, "to_baseline": _against(values, competing, baseline)} if baseline in values else comparison


def _against(values: Mapping[str, Values], competing: Sequence[str], other: str | None) -> dict[str, dict[str, Any]]:
    if other is None:
        return {}
    differences = {label: difference(values[label], values[other]) for label in competing if label != other}
    for key in ("t_p", "wilcoxon_p"):
        corrected = holm([row[key] for row in differences.values()])
        for row, p in zip(differences.values(), corrected, strict=True):
            row[f"{key}_holm"] = p
    return differences


def _is_there(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _interval(mean: float, spread: float | None, n: int) -> list[float] | None:
    """Mean ± t(0.975, n - 1) s / sqrt(n); None of one."""
    if spread is None:
        return None
    half = _t_quantile(n - 1) * spread / math.sqrt(n)
    return [mean - half, mean + half]


@cache
def _t_quantile(freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - LEVEL / 2))


def _t_test(mean: float | None, spread: float | None, n: int) -> float | None:
    """The two-sided p of t = mean / (s / sqrt(n)) with n - 1 degrees of freedom. Differences that are all equal are
    certain: p is 1 where all are 0, else 0."""
    if mean is None or spread is None:
        return None
    if spread == 0:
        return float(mean == 0)
    from scipy.special import stdtr

    return float(2 * stdtr(n - 1, -abs(mean) / (spread / math.sqrt(n))))


def _wilcoxon(pairs: Sequence[float]) -> float | None:
    """The two-sided p, pairs without a difference left out as Wilcoxon does."""
    if len(pairs) < 2:
        return None
    differing = [pair for pair in pairs if pair]
    sizes = sorted(map(abs, differing))
    ranks = {size: sizes.index(size) + (sizes.count(size) + 1) / 2 for size in sizes}  # ties share their mean rank
    return _of_ranks(tuple(sorted(math.copysign(ranks[abs(pair)], pair) for pair in differing)))


@cache  # a comparison tests thousands of pairs, and five seeds have few signed ranks
def _of_ranks(signed: tuple[float, ...]) -> float:
    if not signed:
        return 1.0
    from scipy import stats  # slow to import: two seconds that a run alone need not wait

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy's, that samples are small
        return float(stats.wilcoxon(signed).pvalue)
