"""The classes of one data set, a few at a time (split MNIST and its kin)."""

from __future__ import annotations

import torch

from gencl.datasets.dataset import Dataset
from gencl.errors import UsageError
from gencl.randomness import permutation
from gencl.scenarios.task import Scenario, Task


def split(
    dataset: Dataset,
    *,
    classes_per_task: int = 1,
    order: list[int] | None = None,
    tasks: int | None = None,
    validation: float = 0.0,
    limit: int | None = None,
) -> Scenario:
    """Splits ``dataset`` into tasks of ``classes_per_task`` classes.

    Args:
        dataset: the data set.
        classes_per_task: how many classes each task brings.
        order: the classes in the order they are learned; default 0, 1, 2, ...
        tasks: only the first so many tasks; default all.
        validation: the share of each class's training images kept apart for choosing hyper-parameters.
        limit: at most so many training images a task (for quick tries).

    Raises UsageError where these do not fit the data set. Which images are kept apart depends on the data alone, never
    on the run's seed, so that all runs and methods see the same split.
    """
    classes = list(range(len(dataset.classes))) if order is None else order
    if sorted(set(classes)) != sorted(classes) or not set(classes) <= set(range(len(dataset.classes))):
        raise UsageError(
            f"scenario.order: {order} must name classes of {dataset.name} (0 to {len(dataset.classes) - 1}) once each"
        )
    if len(classes) % classes_per_task:
        raise UsageError(
            f"scenario.classes_per_task: {len(classes)} classes cannot be split into tasks of {classes_per_task}"
        )
    groups = [tuple(classes[i : i + classes_per_task]) for i in range(0, len(classes), classes_per_task)]
    if tasks is not None and not 1 <= tasks <= len(groups):
        raise UsageError(f"scenario.tasks: {tasks} is not between 1 and {len(groups)}")
    groups = groups[:tasks]
    made = tuple(_task(dataset, index, group, validation, limit) for index, group in enumerate(groups))
    return Scenario("split", made, dataset.classes, dataset.reader)


def _task(dataset: Dataset, index: int, classes: tuple[int, ...], validation: float, limit: int | None) -> Task:
    of_task = dataset.train.select(torch.isin(dataset.train.labels, torch.tensor(classes)))
    order = permutation(len(of_task), "split", dataset.name, index)
    held_out = torch.zeros(len(of_task), dtype=torch.bool)
    for label in classes:
        of_class = order[of_task.labels[order] == label]
        held_out[of_class[: round(validation * len(of_class))]] = True
    training = order[~held_out[order]]
    return Task(
        index=index,
        name=",".join(dataset.classes[c] for c in classes),
        classes=classes,
        train=of_task.select(training[:limit]),
        validation=of_task.select(held_out),
        test=dataset.test.select(torch.isin(dataset.test.labels, torch.tensor(classes))),
    )
