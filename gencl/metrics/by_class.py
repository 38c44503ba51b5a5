"""Scores per class, whatever tasks a class came in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from gencl.learners.learner import Learner
from gencl.metrics.conditions import Conditions
from gencl.metrics.metric import Metric
from gencl.metrics.snapshot import FEWEST_HELD_OUT, Snapshot
from gencl.scenarios.task import Scenario

Measure = Callable[[list[Metric], Snapshot], Mapping[str, list[float | None]]]


def by_class(
    learner: Learner, scenario: Scenario, conditions: Conditions, metrics: list[Metric], measure: Measure
) -> dict[str, dict[str, float]]:
    """Return the values of ``metrics`` on all held-out images of each learned class, by class name.

    Omits classes without held-out images. If some class has fewer than `FEWEST_HELD_OUT`, metrics that would pool
    tasks (`Metric.pools`) are omitted too. ``measure`` returns the values of metrics on the tasks of a snapshot.
    """
    keep = bool(conditions.pool) or any(metric.keeps_features for metric in metrics)
    snapshot = Snapshot(learner, replace(conditions, pool=0), [], keep=keep)
    learned = [task for task in scenario.by_class() if task.index in learner.classes]
    snapshot.tasks = [task for task in learned if len(snapshot.held_out_part(task))]
    if not snapshot.tasks:
        return {}
    few = min(len(snapshot.held_out_part(task)) for task in snapshot.tasks) < FEWEST_HELD_OUT
    measured = measure([metric for metric in metrics if not (few and metric.pools)], snapshot)
    return {
        task.name: {name: value for name, values in measured.items() if (value := values[i]) is not None}
        for i, task in enumerate(snapshot.tasks)
    }
