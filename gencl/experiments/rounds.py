"""Run a search in rounds: train the candidates of all methods, then choose the next ones by their scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gencl.core.amounts import duration
from gencl.experiments.choice import best_values
from gencl.experiments.results import draw_results, write_results
from gencl.experiments.search import Search
from gencl.runs.folder import RunFolder
from gencl.runs.variants import Variant, cell_folder

Train = Callable[[Sequence[Variant], tuple[int, int]], dict[str, Any]]
"""Trains variants and returns the comparison's results. Its second argument is for the progress bar: how many runs
were done before and how many may follow."""


def train_rounds(
    searches: Sequence[Search], seeds: Sequence[int], folder: Path, train: Train, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Train until every search has ended, and return the results of all candidates, as in ``results.json``.

    The next candidates depend on finished runs only, so a search that was stopped and resumed takes the same path.
    ``tell`` gets one line before each round.
    """
    all_of: list[Variant] = []
    errors: dict[tuple[Variant, int], str] = {}
    fresh = [variant for search in searches for variant in search.variants()]
    results: dict[str, Any] = {}
    began, trained, first = time.monotonic(), 0, True
    while fresh:
        new = sum(not RunFolder(cell_folder(folder, variant, seed)).finished for variant in fresh for seed in seeds)
        follow = len(seeds) * sum(search.at_most() for search in searches)
        pace = (time.monotonic() - began) / trained if trained else None
        tell(_plan(searches, fresh, new, follow, pace, first))
        results = train(fresh, (len(seeds) * len(all_of), follow))
        for variant in fresh:
            row = results["methods"].get(variant.label, {})
            if row.get("status") == "failed":
                errors[variant, seeds[0]] = row["error"]
        all_of, trained = all_of + fresh, trained + new
        results = write_results(folder, all_of, list(seeds), results["preset"], errors)
        rows = results["methods"]
        fresh = [variant for search in searches for variant in search.advance(best_values(search, rows))]
        first = False
    draw_results(folder, all_of, seeds, results["preset"], results)  # only this search, not all that the folder holds
    return results


def _plan(
    searches: Sequence[Search], fresh: Sequence[Variant], new: int, follow: int, pace: float | None, first: bool
) -> str:
    """Return a line that says what the next round trains, how long that takes, and what may follow."""
    counts = {search.method: sum(variant.method == search.method for variant in fresh) for search in searches}
    what = ", ".join(f"{method} {count}" for method, count in counts.items() if count)
    more = "" if first else " more"
    line = f"{len(fresh)} candidate{'s' * (len(fresh) > 1)}{more} ({what}): {new} run{'s' * (new != 1)} to train"
    line += f", about {duration(new * pace)}" if pace and new else ""
    later = f", {duration(follow * pace)}" if pace else ""
    return line + (f"; at most {follow} runs may follow{later}" if follow else "; none follow")
