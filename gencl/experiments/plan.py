"""Estimate how many runs a comparison or a search trains, and how long they take, without training them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gencl.core.errors import GenclError
from gencl.core.progress import Mode
from gencl.core.settings import Settings
from gencl.core.waiting import say
from gencl.training.dry_run import foreseen


@dataclass(frozen=True)
class Alike:
    """A group of runs that take equally long.

    Args:
        settings: the settings of one of the runs.
        runs: how many runs are to be trained.
        more: how many more may follow.
    """

    settings: Settings
    runs: int
    more: int = 0


def plan(
    groups: Mapping[str, Alike],
    folder: Path,
    jobs: int = 1,
    data_root: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    progress: Mode = "auto",
) -> dict[str, Any]:
    """Return what ``--dry-run`` shows: the number of runs per group, the seconds per run, and the total.

    The total assumes ``jobs`` runs at a time. A group that cannot be trained has an ``error`` instead of ``seconds``,
    and is left out of the total.
    """
    rows: dict[str, dict[str, Any]] = {}
    for label, group in groups.items():
        say(f"{label}: a few steps are tried and thrown away ...", progress)
        rows[label] = {"runs": group.runs, "more": group.more}
        try:
            tree = foreseen(group.settings, folder, False, data_root, device, threads, "silent")
        except GenclError as error:
            rows[label]["error"] = str(error)
        else:
            rows[label]["seconds"] = tree["estimate"]["seconds"]
    able = [row for row in rows.values() if "seconds" in row]
    total = {number: sum(row[number] for row in able) for number in ("runs", "more")}
    seconds = {name: _together(able, number, jobs) for name, number in (("seconds", "runs"), ("more_seconds", "more"))}
    return {"groups": rows, "total": {**total, **seconds, "jobs": jobs}}


def _together(rows: Sequence[Mapping[str, Any]], number: str, jobs: int) -> float:
    """Return how long so many runs of each group take, ``jobs`` at a time; no shorter than the longest of them."""
    rows = [row for row in rows if row[number]]
    longest: float = max((row["seconds"] for row in rows), default=0.0)
    one_after_another: float = sum(row[number] * row["seconds"] for row in rows)
    return round(max(longest, one_after_another / jobs), 1)
