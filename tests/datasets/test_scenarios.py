"""Splitting a data set into tasks."""

from __future__ import annotations

import pytest
import torch

from gencl.datasets import digits
from gencl.errors import UsageError
from gencl.scenarios.split import split
from gencl.scenarios.task import Task


def test_tasks_hold_their_classes_and_nothing_is_lost() -> None:
    data = digits.load()
    scenario = split(data, classes_per_task=2, order=[9, 8, 7, 6, 5, 4, 3, 2, 1, 0], validation=0.1)
    assert [task.name for task in scenario.tasks] == ["9,8", "7,6", "5,4", "3,2", "1,0"]
    for task in scenario.tasks:
        for part in (task.train, task.validation, task.test):
            assert set(part.labels.tolist()) == set(task.classes)
    total = sum(len(task.train) + len(task.validation) for task in scenario.tasks)
    assert total == len(data.train)
    assert 0.08 < sum(len(task.validation) for task in scenario.tasks) / total < 0.12


def test_what_is_kept_apart_is_always_the_same() -> None:
    data = digits.load()
    one, two = (split(data, validation=0.2).tasks[3] for _ in range(2))
    assert one.validation.fingerprint() == two.validation.fingerprint()


def test_limit_and_number_of_tasks() -> None:
    scenario = split(digits.load(), tasks=2, limit=7)
    assert [len(task.train) for task in scenario.tasks] == [7, 7]


def test_merged_tasks_keep_their_parts() -> None:
    tasks = split(digits.load(), tasks=3).tasks
    merged = Task.merge(tasks)
    assert merged.index == 2 and merged.classes == (0, 1, 2) and merged.parts == tasks
    assert len(merged.train) == sum(len(task.train) for task in tasks)
    assert torch.equal(merged.train.images[: len(tasks[0].train)], tasks[0].train.images)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"classes_per_task": 3}, "scenario.classes_per_task"),
        ({"order": [0, 0, 1]}, "scenario.order"),
        ({"order": [0, 11]}, "scenario.order"),
        ({"tasks": 11}, "scenario.tasks"),
    ],
)
def test_what_does_not_fit_is_refused(keys: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        split(digits.load(), **keys)  # type: ignore[arg-type]
