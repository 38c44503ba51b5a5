"""Estimate how many runs a comparison or a search trains, and how long they take, without training them."""

from __future__ import annotations

from collections.abc import Mapping
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

    The total assumes ``jobs`` runs at a time. A group that cannot be trained has an ``error`` instead of ``seconds``.
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
    total = {number: sum(row[number] for row in rows.values()) for number in ("runs", "more")}
    seconds = {
        name: round(sum(row[number] * row.get("seconds", 0) for row in rows.values()) / jobs, 1)
        for name, number in (("seconds", "runs"), ("more_seconds", "more"))
    }
    return {"groups": rows, "total": {**total, **seconds, "jobs": jobs}}
