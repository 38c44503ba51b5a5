"""Test whether methods differ by more than chance over seeds: confidence intervals, paired tests, and ties.

A seed draws the same tasks, data and initial values for every method. Methods are therefore compared seed by seed, as
the differences vary less than the scores. Intervals and the t test are Student's. The signed rank test is Wilcoxon's
(1945); with five pairs its p cannot be below 2 / 2^5 = 0.0625. Several tests on one figure are corrected by Holm's
method (1979). All functions are pure.
"""

from __future__ import annotations

import math
import statistics
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeGuard

LEVEL = 0.05
"""The significance level: two methods tie unless the corrected p of the paired t test is below it. Confidence
intervals have the level 1 - LEVEL."""
DIGITS = 12
"""Differences are rounded to this many decimals, so that scores which differ only by rounding errors are equal."""

Values = Sequence[float | None]
"""The values of one figure for one method, one per seed. A missing value is None."""


def of_seeds(values: Values) -> dict[str, Any]:
    """Return the mean, sample standard deviation, number n and 95 % confidence interval of the values, and the values.

    Standard deviation and interval are None if n = 1. At least one value must be finite; others count as missing.
    """
    there = [value for value in values if _is_there(value)]
    n = len(there)
    spread = statistics.stdev(there) if n > 1 else None
    mean = statistics.fmean(there)
    finite: list[float | None] = [value if _is_there(value) else None for value in values]
    return {"mean": mean, "std": spread, "n": n, "ci95": _interval(mean, spread, n), "values": finite}


def difference(one: Values, other: Values) -> dict[str, Any]:
    """Compare ``one`` minus ``other`` over the seeds that both have.

    Returns the number of pairs n, the mean difference, its 95 % confidence interval, and the two-sided p of the paired
    t test and of Wilcoxon's signed rank test. An entry is None if there are too few pairs for it.
    """
    pairs = [round(a - b, DIGITS) for a, b in zip(one, other, strict=True) if _is_there(a) and _is_there(b)]
    n = len(pairs)
    mean = statistics.fmean(pairs) if pairs else None
    spread = statistics.stdev(pairs) if n > 1 else None
    interval = None if mean is None else _interval(mean, spread, n)
    return {"n": n, "mean": mean, "ci95": interval, "t_p": _t_test(mean, spread, n), "wilcoxon_p": _wilcoxon(pairs)}


def holm(p_values: Values) -> list[float | None]:
    """Return p values corrected for multiple tests (Holm 1979).

    The k-th smallest of m is multiplied by m - k + 1. A result is at most 1, and at least the one before it. Missing
    values (None) stay missing and do not count towards m.
    """
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
    """Compare methods in one figure, with the best of them and with a baseline.

    Args:
        values: the values of each method, all in the same order of seeds.
        better: which way is better.
        competing: the methods that may be the best, that is, all but the references.
        baseline: the method that all are compared with too; ignored if it has no values.

    Returns the method with the best mean as ``best``. ``to_best`` and ``to_baseline`` hold the `difference` of every
    other competing method (its values minus those of the best or the baseline). ``t_p_holm`` and ``wilcoxon_p_holm``
    are corrected over these methods. In ``to_best``, ``tied`` says whether the test cannot tell the method from the
    best. It is None if the two share fewer than two seeds, or if the method is better on the seeds that they share.
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
    """Return the interval mean ± t(0.975, n - 1) s / sqrt(n), or None if there is only one value."""
    if spread is None:
        return None
    half = _t_quantile(n - 1) * spread / math.sqrt(n)
    return [mean - half, mean + half]


@cache
def _t_quantile(freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - LEVEL / 2))


def _t_test(mean: float | None, spread: float | None, n: int) -> float | None:
    """Return the two-sided p of t = mean / (s / sqrt(n)) with n - 1 degrees of freedom; None for fewer than two pairs.

    If all differences are equal (s = 0), p is 1 if they are 0, else 0.
    """
    if mean is None or spread is None:
        return None
    if spread == 0:
        return float(mean == 0)
    from scipy.special import stdtr

    return float(2 * stdtr(n - 1, -abs(mean) / (spread / math.sqrt(n))))


def _wilcoxon(pairs: Sequence[float]) -> float | None:
    """Return the two-sided p of the signed rank test, or None for fewer than two pairs.

    Pairs without a difference are left out, as in Wilcoxon's paper. If all are, p is 1.
    """
    if len(pairs) < 2:
        return None
    differing = [pair for pair in pairs if pair]
    sizes = sorted(map(abs, differing))
    ranks = {size: sizes.index(size) + (sizes.count(size) + 1) / 2 for size in sizes}  # equal sizes share a mean rank
    return _of_ranks(tuple(sorted(math.copysign(ranks[abs(pair)], pair) for pair in differing)))


@cache  # a comparison runs thousands of tests, but five seeds have few different signed ranks
def _of_ranks(signed: tuple[float, ...]) -> float:
    if not signed:
        return 1.0
    from scipy import stats  # imported late: it takes two seconds, and a single run does not need it

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy warns that the sample is small
        return float(stats.wilcoxon(signed).pvalue)
