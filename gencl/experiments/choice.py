"""Which candidate of a search is chosen, by which figure, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gencl.experiments.search import Search
from gencl.experiments.widen import Values
from gencl.metrics.figures import figure

SCORES = (
    "acc", "fid", "kid", "conditional_accuracy", "reconstruction", "normalised_return", "return", "fid_first_half",
)  # fmt: skip
"""The figures that candidates are compared by. The first that every finished run has counts.

All but the last are over all learned tasks: a figure of the first half cannot see what the later tasks lose.
"""

Rows = Mapping[str, dict[str, Any]]
"""``methods`` of a comparison's results: a row for each candidate's label."""


def metric_of(rows: Rows) -> str | None:
    """Return the figure to choose by; None where no candidate has any."""
    done = [row for row in rows.values() if row["status"] == "done"]
    everywhere = [key for key in SCORES if done and all(key in row for row in done)]
    return next(iter([*everywhere, *(key for key in SCORES if any(key in row for row in done))]), None)


def better_of(metric: str | None) -> str:
    """Return ``higher`` or ``lower``."""
    return (metric and figure(metric).better) or "higher"


def scored(search: Search, rows: Rows) -> list[dict[str, Any]]:
    """Return the candidates with mean and standard deviation over the seeds.

    A candidate has no score if any of its seeds failed or diverged.
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
    """Return the candidate with the best mean, the one tried first among equals; None where none has a score.

    How far the seeds differ plays no part: with few seeds their standard deviation is too unsure to choose by.
    """
    with_score = [row for row in scored(search, rows) if row["score"] is not None]
    pick = max if better_of(metric_of(rows)) == "higher" else min
    return pick(with_score, key=lambda row: row["score"]) if with_score else None


def best_values(search: Search, rows: Rows) -> Values | None:
    """Return the settings of `best_of`."""
    best = best_of(search, rows)
    return best and best["settings"]


def choice(search: Search, rows: Rows) -> dict[str, Any]:
    """Return a method's block of ``tune.json``: what was chosen, what is at an end, and all that was tried."""
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
