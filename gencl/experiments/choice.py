"""Choose the best candidate of a hyper-parameter search, and summarise the search for ``tune.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gencl.experiments.search import Search
from gencl.experiments.widen import Values
from gencl.metrics.figures import figure

SCORES = (
    "acc", "fid", "kid", "conditional_accuracy", "reconstruction", "normalised_return", "return", "fid_first_half",
)  # fmt: skip
"""The figures that can rank candidates. `metric_of` picks the first one that all finished candidates have.

All but the last cover every learned task. The last covers the first half only and misses what later tasks lose.
"""

Rows = Mapping[str, dict[str, Any]]
"""The ``methods`` block of a comparison's results: one row per candidate, by its label."""


def metric_of(rows: Rows) -> str | None:
    """Return the first figure of `SCORES` that all finished candidates have, else the first that any of them has.

    Returns None if no finished candidate has any.
    """
    done = [row for row in rows.values() if row["status"] == "done"]
    everywhere = [key for key in SCORES if done and all(key in row for row in done)]
    return next(iter([*everywhere, *(key for key in SCORES if any(key in row for row in done))]), None)


def better_of(metric: str | None) -> str:
    """Return which way the metric is better: ``higher`` (also if unknown) or ``lower``."""
    return (metric and figure(metric).better) or "higher"


def scored(search: Search, rows: Rows) -> list[dict[str, Any]]:
    """Return one row per candidate, with the mean and standard deviation of its score over the seeds.

    The score is None if any seed of the candidate failed or diverged.
    """
    metric, candidates = metric_of(rows), []
    for number, values in search.trials:
        row = rows.get(search.variant(values).label, {"status": "failed", "error": "it left no results"})
        over = row.get(metric) if metric and row["status"] == "done" else None
        score = {"score": over and over["mean"], "std": over and over["std"], "status": row["status"]}
        error = {"error": row["error"]} if "error" in row else {}
        candidates.append({"settings": values, "round": number, **score, **error})
    return candidates


def best_of(search: Search, rows: Rows) -> dict[str, Any] | None:
    """Return the candidate with the best mean score, or None if no candidate has a score.

    Among equals, the one tried first wins. The spread over seeds is ignored: with few seeds it is too uncertain.
    """
    with_score = [row for row in scored(search, rows) if row["score"] is not None]
    pick = max if better_of(metric_of(rows)) == "higher" else min
    return pick(with_score, key=lambda row: row["score"]) if with_score else None


def best_values(search: Search, rows: Rows) -> Values | None:
    """Return the settings of the best candidate (`best_of`), or None if there is none."""
    best = best_of(search, rows)
    return best and best["settings"]


def choice(search: Search, rows: Rows) -> dict[str, Any]:
    """Return a method's block of ``tune.json``.

    It holds the best settings and their score, and all candidates in the order of the grid. ``edge`` lists the settings
    whose best value is at an end of the grid. ``error`` says why nothing was chosen.
    """
    tried, best = scored(search, rows), best_of(search, rows)
    errors = [row["error"] for row in tried if "error" in row]
    why = {} if best else {"error": errors[0] if errors else "its runs have no figure to choose by"}

    def place(row: dict[str, Any]) -> list[int]:
        return [values.index(row["settings"][key]) for key, values in search.grid.items()]

    return {
        "best": best and best["settings"],
        "score": best and best["score"],
        "std": best and best["std"],
        **why,
        "edge": search.edge(best and best["settings"]),
        "rounds": search.rounds,
        "grid": search.grid,
        "search": sorted(tried, key=place),
    }
