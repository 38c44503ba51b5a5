"""Each class spread over all tasks by a Dirichlet draw."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import gencl
from gencl.core.errors import UsageError
from gencl.core.settings import DataSettings
from gencl.core.shares import apportioned
from gencl.datasets.load import load_dataset
from gencl.runs.build import make_scenario, seed_draws_tasks
from gencl.scenarios.dirichlet import Dirichlet
from gencl.scenarios.task import Scenario, Task
from tests.scenarios.test_domains import folder


def drawn(*assignments: str, seed: int = 0) -> Scenario:
    chosen = ["scenario.name=dirichlet", *assignments]
    return make_scenario(gencl.resolve("digits-cgan", seed=seed, assignments=chosen), None)


def counts(scenario: Scenario) -> Counter[int]:
    return Counter(c for task in scenario.tasks for c in task.train.labels.tolist())


def test_every_training_image_is_in_exactly_one_task() -> None:
    once = make_scenario(gencl.resolve("digits-cgan"), None)
    spread = drawn()
    assert counts(spread) == counts(once)
    images = [image.numpy().tobytes() for task in spread.tasks for image in task.train.images]
    assert Counter(images) == Counter(image.numpy().tobytes() for task in once.tasks for image in task.train.images)
    assert len(spread.tasks) == 10 and spread.recurs and not once.recurs


def test_a_task_has_the_classes_of_its_images_and_is_tested_on_its_own_mixture() -> None:
    for task in drawn("data.validation=0.3").tasks:
        assert set(task.train.labels.tolist()) == set(task.classes)
        assert sum(task.mixture) == pytest.approx(1)
        for part in (task.test, task.validation):
            held_out = Counter(part.labels.tolist())
            assert set(held_out) == set(task.classes)
            for c, share in zip(task.classes, task.mixture, strict=True):
                assert abs(held_out[c] - share * len(part)) < 0.1 * len(part) + 1


def test_the_seed_draws_the_shares_unless_they_are_given() -> None:
    def prints(scenario: Scenario) -> list[str]:
        return [task.train.fingerprint() for task in scenario.tasks]

    assert prints(drawn(seed=1)) == prints(drawn(seed=1)) != prints(drawn(seed=2))
    assert prints(drawn("scenario.order=given", seed=1)) == prints(drawn("scenario.order=given", seed=2))
    assert seed_draws_tasks(gencl.resolve("digits-dirichlet-cgan"))


def test_alpha_says_how_evenly_a_class_is_spread() -> None:
    def largest(alpha: str) -> float:
        return max(max(task.mixture) for task in drawn(f"scenario.alpha={alpha}", "scenario.tasks=5").tasks)

    assert largest("10000") < 0.13 < largest("1")


def test_a_class_as_a_task_has_every_image_that_is_held_out_once() -> None:
    once, spread = make_scenario(gencl.resolve("digits-cgan"), None), drawn()
    by_class = {task.index: task for task in spread.by_class()}
    for task in once.tasks:
        assert by_class[task.index].test.fingerprint() == task.test.fingerprint()
        assert by_class[task.index].name == task.name and not len(by_class[task.index].train)


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("scenario.alpha=0", "scenario.alpha: must be greater than 0"),
        ("scenario.alpha=-1", "scenario.alpha: must be greater than 0"),
        ("scenario.alpha=.nan", "scenario.alpha: must be a finite number"),
        ("scenario.tasks=0", "scenario.tasks: must be greater than or equal to 1"),
        ("scenario.tasks=2000", "scenario.tasks: digits has 1437 training pictures, fewer than the 2000 tasks"),
        ("scenario.alpha=0.0001", "leaves task 1 of 10 without a picture of digits; raise scenario.alpha"),
    ],
)
def test_what_cannot_be_spread_is_said_in_one_line(assignment: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        drawn(assignment)
    assert "\n" not in str(error.value)


def test_folders_are_spread_too_and_few_pictures_are_doubted(tmp_path: Path) -> None:
    folder(tmp_path / "few", ["cats", "dogs"])
    scenario = drawn(f"data.name={tmp_path / 'few'}", "scenario.tasks=2", "scenario.alpha=100")
    assert scenario.class_names == ("cats", "dogs") and "few training images" in scenario.doubts[0]


def test_all_tasks_as_one_have_each_class_once() -> None:
    merged = Task.merge(drawn().tasks)
    assert sorted(merged.classes) == list(range(10)) and len(merged.train) == 1437


def test_shares_become_whole_numbers_by_largest_remainders() -> None:
    assert apportioned(10, [0.55, 0.35, 0.1]) == [6, 3, 1]
    assert apportioned(2, [1 / 3, 1 / 3, 1 / 3]) == [1, 1, 0]
    assert apportioned(3, [0.99, 0.01], least=1) == [3, 1]
    assert apportioned(0, [0.5, 0.5]) == [0, 0]


def test_a_class_without_pictures_is_named() -> None:
    digits = load_dataset("digits", DataSettings(), None)
    without = replace(digits, train=digits.train.select(digits.train.labels != 7))
    with pytest.raises(UsageError, match="class 7 of digits has no picture"):
        Dirichlet(Dirichlet.Settings()).build(DataSettings(), lambda name: without)
