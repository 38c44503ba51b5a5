"""How well a run learned each task and how much of it remained: the rows of a table, and a sentence or two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from statistics import fmean
from typing import TYPE_CHECKING, Any

from gencl.core.errors import GenclError
from gencl.metrics.figures import shown, with_unit
from gencl.metrics.transfer import Matrix
from gencl.reports.page import capital, lower_is_better
from gencl.reports.scales import change_place, per_cent

if TYPE_CHECKING:
    from gencl.runs.folder import RunFolder


def measured_once(matrix: Matrix) -> bool:
    """Return whether only the last row has values: the tasks were measured at the end only, as in joint training."""
    return all(value is None for row in matrix[:-1] for value in row)


def told(name: str, matrix: Matrix, tasks: Sequence[str], features: Mapping[str, Any] | None = None) -> str:
    """Describe a matrix in two sentences: the mean right after learning and at the end, and the largest loss.

    Returns an empty text for fewer than two tasks, or if a value on the diagonal or in the last row is missing.
    """
    pairs = [
        (task, just, end)
        for j, task in enumerate(tasks)
        if (just := matrix[j][j]) is not None and (end := matrix[-1][j]) is not None
    ]
    if len(tasks) < 2 or len(pairs) < len(tasks):
        return ""
    sign = -1 if lower_is_better(name) else 1
    just, end = fmean(pair[1] for pair in pairs), fmean(pair[2] for pair in pairs)
    task, before, after = max(pairs[:-1], key=lambda pair: sign * (pair[1] - pair[2]))
    text = (
        f"{capital(name, features)} was {with_unit(name, just)} on average when a task had just been learned, and is "
        f"{with_unit(name, end)} over all tasks at the end. "
    )
    if sign * (before - after) <= 0:
        return text + "No task lost anything."
    return text + f"Task “{task}” lost most: from {with_unit(name, before)} to {with_unit(name, after)}."


def learned(run: RunFolder) -> list[dict[str, Any]]:
    """Return one row per task: its classes, its training time, and each metric right after learning and at the end."""
    metrics = run.metrics
    rows, times = [], metrics["cost"].get("by_task") or []
    classes: list[str] = []
    with suppress(GenclError):
        card = run.card
        classes = [", ".join(dict.fromkeys(card.class_names[c] for c in task)) for task in card.tasks]
    for j, task in enumerate(metrics["tasks"]):
        rows.append(
            {
                "task": task,
                "classes": classes[j] if j < len(classes) and classes[j].replace(", ", ",") != task else "",
                "measures": [_measure(name, matrix, j) for name, matrix in metrics["matrices"].items()],
                "seconds": times[j]["train_seconds"] if len(times) == len(metrics["tasks"]) else None,
            }
        )
    return rows


def _measure(name: str, matrix: Matrix, j: int) -> dict[str, Any]:
    just, end = matrix[j][j], matrix[-1][j]
    change = None if just is None or end is None else end - just
    place = change_place(name, just, end)
    return {
        "just": None if measured_once(matrix) else shown(name, just),
        "end": shown(name, end),
        "change": _signed(name, change),
        "good": None if place is None else per_cent(place),
    }


def _signed(name: str, change: float | None) -> str:
    if change is None:
        return "-"
    text = shown(name, abs(change))
    return text if not change else f"{'+' if change > 0 else '−'}{text}"
