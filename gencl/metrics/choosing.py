"""Chooses the metrics that suit a learner and its images, and how many images are pooled."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from gencl.core.errors import UsageError
from gencl.core.progress import Mode
from gencl.core.settings import EvaluateSettings
from gencl.core.waiting import say
from gencl.learners.learner import Learner
from gencl.metrics import GROUPS, METRICS
from gencl.metrics.metric import Metric
from gencl.metrics.returned import reason
from gencl.metrics.snapshot import FEWEST_HELD_OUT
from gencl.scenarios.task import Scenario


def pool_size(scenario: Scenario, settings: EvaluateSettings) -> int:
    """Return the number of generated images per class that enter a pool; 0 if each task can be compared alone.

    That is the case if every task has at least `FEWEST_HELD_OUT` held-out images. The number is at most that of the
    training images of any class in the task that has most of them, so that the floor can use equally many. If tasks
    have a class mixture, it is per task.
    """
    held_out = [task.validation if settings.split == "validation" else task.test for task in scenario.planned]
    if min(map(len, held_out)) >= FEWEST_HELD_OUT:
        return 0
    if any(task.mixture for task in scenario.planned):  # such tasks are pooled whole, not class by class
        return min(settings.samples, *(len(task.train) for task in scenario.planned))
    counts: dict[int, int] = {}  # a class may come back in a task that shows few images of it
    for task in scenario.planned:
        for c in task.classes:
            counts[c] = max(counts.get(c, 0), int((task.train.labels == c).sum()))
    asked = [settings.samples // len(task.classes) for task in scenario.planned]
    return max(1, min(*counts.values(), *asked))


def _with_new_classes(scenario: Scenario) -> bool:
    """Return whether a task that was added later has a class that no planned task has."""
    planned, every = ({c for task in tasks for c in task.classes} for tasks in (scenario.planned, scenario.tasks))
    return every != planned


def chosen_metrics(
    learner: Learner,
    scenario: Scenario,
    extractor: nn.Module | None,
    reader: nn.Module | None,
    only: Sequence[str] | None,
    pooled: bool,
    progress: Mode = "auto",
) -> tuple[list[Metric], list[Metric]]:
    """Return the metrics to measure after each task, and those to measure at the end.

    ``reader`` is the classifier that knows the classes, or None. If classes were added later, a message names the
    metrics that are no longer measured. Raises UsageError if a metric in ``only`` does not apply.
    """
    always: list[Metric] = []
    final: list[Metric] = []
    for asked in METRICS if only is None else only:
        members = (asked,) if only is None else GROUPS.get(asked, (asked,))
        applicable: list[Metric] = []
        whys: list[str] = []
        for name in members:
            kind: type[Metric] = METRICS.get(name)
            why = reason(kind.applies(learner, extractor), name, "applies")
            why = why or reason(kind.suits(scenario), name, "suits")
            if not why and kind.reads_classes:
                if reader is None:
                    why = "its feature extractor does not know its classes"
                elif _with_new_classes(scenario):
                    why = "its feature extractor does not know the classes that were added later"
                    if only is None:
                        known = "the network that reads the images does not know the classes that were added later"
                        say(f"{kind.name} is left out: {known}", progress)
            if why:
                whys.append(why)
            elif only is not None or kind.when != "on request":
                applicable.append(kind())
        if only is not None and not applicable:
            raise UsageError(f"metric {asked} does not apply to {type(learner).__name__}: {whys[0]}")
        for metric in applicable:
            metric.pooled = pooled and metric.pools
            (always if metric.when == "always" or (pooled and metric.of_few) else final).append(metric)
    return always, final


def check_kept_apart(scenario: Scenario) -> None:
    """Raise UsageError if a task with stored training images has no validation images."""
    for task in scenario.tasks:
        if task.stored and not len(task.validation):
            raise UsageError(
                f"evaluate.split: {task.name} has no validation images beside its {len(task.train):,} training "
                "images; data.validation must be larger"
            )
