"""Splitting a data set into tasks."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gencl import presets
from gencl.core.errors import UsageError
from gencl.core.settings import DataSettings
from gencl.datasets import digits
from gencl.runs.build import make_scenario
from gencl.scenarios.split import ClassSplit
from gencl.scenarios.task import Scenario, Task
from gencl.training.folders import differences


def split(validation: float = 0.0, limit: int | None = None, **keys: Any) -> Scenario:
    recipe = ClassSplit(ClassSplit.Settings.model_validate(keys))
    return recipe.build(DataSettings(validation=validation, limit=limit), lambda _: digits.load())


def test_tasks_hold_their_classes_and_nothing_is_lost() -> None:
    scenario = split(classes_per_task=2, order=[9, 8, 7, 6, 5, 4, 3, 2, 1, 0], validation=0.1)
    assert [task.name for task in scenario.tasks] == ["9,8", "7,6", "5,4", "3,2", "1,0"]
    for task in scenario.tasks:
        for part in (task.train, task.validation, task.test):
            assert set(part.labels.tolist()) == set(task.classes)
    total = sum(len(task.train) + len(task.validation) for task in scenario.tasks)
    assert total == len(digits.load().train)
    assert 0.08 < sum(len(task.validation) for task in scenario.tasks) / total < 0.12


def test_what_is_kept_apart_is_always_the_same() -> None:
    one, two = (split(validation=0.2).tasks[3] for _ in range(2))
    assert one.validation.fingerprint() == two.validation.fingerprint()


def test_limit_and_number_of_tasks() -> None:
    assert [len(task.train) for task in split(tasks=2, limit=7).tasks] == [7, 7]


def test_tasks_of_several_sizes() -> None:
    tasks = split(sizes=[3, 1, 6]).tasks
    assert [task.classes for task in tasks] == [(0, 1, 2), (3,), (4, 5, 6, 7, 8, 9)]
    assert [task.name for task in tasks] == ["0,1,2", "3", "4 to 9"]


def test_merged_tasks_keep_their_parts() -> None:
    tasks = split(tasks=3).tasks
    merged = Task.merge(tasks)
    assert merged.index == 2 and merged.classes == (0, 1, 2) and merged.parts == tasks
    assert len(merged.train) == sum(len(task.train) for task in tasks)
    assert torch.equal(merged.train.images[: len(tasks[0].train)], tasks[0].train.images)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"classes_per_task": 3}, "scenario.classes_per_task"),
        ({"classes_per_task": 11}, "only 10 classes"),
        ({"order": [0, 0, 1]}, "scenario.order"),
        ({"order": [0, 11]}, "scenario.order"),
        ({"tasks": 11}, "scenario.tasks"),
        ({"sizes": [5, 4]}, "add up to 9"),
    ],
)
def test_what_does_not_fit_is_refused(keys: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        split(**keys)


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["scenario.name=split", "scenario.sizes=[5,0]"], r"scenario\.sizes"),
        (["scenario.tasks=0"], r"scenario\.tasks"),
        (["scenario.domains=[mnist]"], "no setting is called scenario.domains"),
        (["scenario.name=3"], r"scenario\.name: name a scenario"),
    ],
)
def test_wrong_settings_are_named(assignments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        presets.resolve("digits-mlp", assignments=assignments)


def test_settings_stored_by_earlier_versions_are_the_same_settings() -> None:
    stored = {"scenario": {"name": "split", "classes_per_task": 1, "order": None, "tasks": None}}
    settings = presets.resolve("digits-cgan")
    assert differences(stored, {"scenario": settings.scenario}) == []
    assert len(make_scenario(settings.model_copy(update=stored), None).tasks) == 10


def test_another_scenario_starts_from_its_own_defaults() -> None:
    settings = presets.resolve("digits-mlp", assignments=["scenario.tasks=3", "scenario.name=permuted"])
    assert settings.scenario == {"name": "permuted", "tasks": 3}
