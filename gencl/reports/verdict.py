"""The first sentence of a comparison's report: the best method, its ties, and how close it is to a reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gencl.metrics.figures import REAL, figure, main_figures, with_unit
from gencl.reports.page import capital
from gencl.reports.ties import Results, competes


def verdict(results: Results) -> str:
    """Return one sentence on the first main figure that a competing method has, or an empty text if none has any.

    References are never named as best. If one seed or missing tests leave the order open, the sentence says so.
    """
    key = next((key for key in main_figures() if _means(results, key)), None)
    if key is None:
        return ""
    means, name = _means(results, key), capital(key, results.get("features"))
    best = _best(key, means)
    score, near = with_unit(key, means[best]), _beside_bound(results, key, best, means[best])
    what = f"reaches {name} {score}" if len(means) == 1 else f"has the best {name}, {score}"
    return f"{best} {what}{near}; {_certainty(results, key, best, list(means))}."


def _certainty(results: Results, key: str, best: str, methods: Sequence[str]) -> str:
    """Return the part of the sentence that says how certain the order of the methods is."""
    if len(results["seeds"]) < 2:
        return "this is one seed, and nothing can be told beyond it"
    if len(methods) < 2:
        return "no other method competes"
    to_best: Mapping[str, Any] = results.get("comparisons", {}).get(key, {}).get("to_best", {})
    if not to_best:
        return "results.json holds no values of single seeds, so nobody knows which methods tie with it"
    tied = [label for label, row in to_best.items() if row["tied"]]
    unknown = [label for label, row in to_best.items() if row["tied"] is None and row["n"] < 2]
    ahead = [label for label, row in to_best.items() if row["tied"] is None and row["n"] > 1]
    parts = []
    if tied:
        parts.append(f"{listed(tied)} {'tie' if len(tied) > 1 else 'ties'} with it {_over(to_best, tied)}")
    if unknown:
        parts.append(f"{listed(unknown)} cannot be tested, with fewer than two seeds in common")
    if ahead:
        parts.append(f"{listed(ahead)} {'are' if len(ahead) > 1 else 'is'} ahead on the seeds that both have")
    worse = f"every other method is worse beyond chance {_over(to_best, list(to_best))}"
    return ", and ".join(parts) or worse


def _over(to_best: Mapping[str, Any], labels: Sequence[str]) -> str:
    """Return ``over N seeds``: the least number of seeds that any of these methods shares with the best one."""
    return f"over {min(to_best[label]['n'] for label in labels)} seeds"


def _beside_bound(results: Results, key: str, best: str, score: float) -> str:
    """Return a comparison of the score with that of the best reference, or an empty text if there is none."""
    bounds = _means(results, key, bounds=True)
    if not bounds:
        return ""
    bound = _best(key, bounds)
    value = bounds[bound]
    if value <= 0 or score < 0:
        return f" ({bound}: {with_unit(key, value)})"
    share = f"{100 * score / value:.0f} % of" if figure(key).better != "lower" else f"{score / value:.1f} times"
    return f", which is {share} {bound}’s {with_unit(key, value)}"


def _means(results: Results, key: str, bounds: bool = False) -> dict[str, float]:
    rows = results["methods"].items()
    return {
        label: row[key]["mean"]
        for label, row in rows
        if isinstance(row.get(key), Mapping) and label != REAL and competes(label) != bounds
    }


def _best(key: str, means: Mapping[str, float]) -> str:
    return (min if figure(key).better == "lower" else max)(means, key=lambda label: means[label])


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence: ``a, b and c``."""
    return "".join(names) if len(names) < 2 else f"{', '.join(names[:-1])} and {names[-1]}"
