"""``scenario.order: seed``: the run's seed draws the tasks and what is kept apart, and nothing else changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import gencl
from gencl.core.errors import UsageError
from gencl.core.part import Part
from gencl.core.settings import DataSettings
from gencl.datasets.dataset import Dataset
from gencl.experiments.compare import compare
from gencl.metrics.lessons import Lessons
from gencl.metrics.trained_reader import TRAINING_PLAN
from gencl.runs.build import make_scenario, tasks_key
from gencl.scenarios import SCENARIOS
from gencl.scenarios.recipe import Load, Recipe, task_of_classes
from gencl.scenarios.task import Scenario
from gencl.training.folders import differences, stored_settings
from tests.conftest import tiny
from tests.scenarios.test_domains import folder

DIGITS = [f"{c}" for c in range(10)]


def scenario(seed: int, *assignments: str, preset: str = "digits-mlp") -> Scenario:
    return make_scenario(gencl.resolve(preset, seed=seed, assignments=assignments), None)


def names(drawn: Scenario) -> list[str]:
    return [task.name for task in drawn.tasks]


def prints(drawn: Scenario, part: str) -> list[str]:
    return [getattr(task, part).fingerprint() for task in drawn.tasks]


def test_a_seed_draws_the_classes_of_a_split_and_what_is_kept_apart() -> None:
    one, again, other = scenario(1), scenario(1), scenario(2)
    assert names(one) == names(again) != names(other)
    assert prints(one, "train") == prints(again, "train") and prints(one, "validation") == prints(again, "validation")
    for drawn in (one, other):
        assert sorted(",".join(names(drawn)).split(",")) == DIGITS
        assert all(set(task.train.labels.tolist()) == set(task.classes) for task in drawn.tasks)
        assert drawn.class_names == tuple(DIGITS) and drawn.reader == "digits"
    everything, kept = (["scenario.classes_per_task=10", f"scenario.order={order}"] for order in ("seed", "given"))
    first, second = (prints(scenario(seed, *everything), "validation") for seed in (1, 2))
    assert first != second
    assert prints(scenario(1, *kept), "validation") == prints(scenario(2, *kept), "validation")


def test_given_is_what_runs_had_before_there_was_a_choice() -> None:
    """Their config.yaml, which says ``order: null`` of a split and nothing of the others, means the same."""
    settings = gencl.resolve("digits-mlp", assignments=["scenario.order=given"])
    assert settings.scenario == {"name": "split", "classes_per_task": 2, "sizes": None, "order": None, "tasks": None}
    assert names(make_scenario(settings, None)) == ["0,1", "2,3", "4,5", "6,7", "8,9"]
    assert gencl.resolve("digits-cgan").scenario["order"] is None
    for preset, sets in [("permuted-mnist", []), ("random-patterns", []), ("digits-mlp", ["scenario.name=domains"])]:
        assert "order" not in gencl.resolve(preset, assignments=[*sets, "scenario.order=given"]).scenario
        assert gencl.resolve(preset, assignments=[*sets, "scenario.order=seed"]).scenario["order"] == "seed"


@pytest.mark.parametrize("order", ["soed", "[]", "[a]", "3"])
def test_any_other_order_is_refused(order: str) -> None:
    with pytest.raises(UsageError, match=r"scenario\.order: write given, seed, or the classes in the order"):
        gencl.resolve("digits-mlp", assignments=[f"scenario.order={order}"])


def test_a_seed_draws_permutations_and_the_first_task_shows_the_images_as_they_are() -> None:
    sets = ["scenario.name=permuted", "scenario.tasks=3", "scenario.order=seed", "data.validation=0"]
    one, again, other = (scenario(seed, *sets) for seed in (1, 1, 2))
    assert prints(one, "test") == prints(again, "test")
    assert [a == b for a, b in zip(prints(one, "test"), prints(other, "test"), strict=True)] == [True, False, False]
    assert prints(one, "test")[0] == scenario(1, *sets[:2], "data.validation=0").tasks[0].test.fingerprint()
    assert not torch.equal(one.tasks[1].test.images, one.tasks[2].test.images)


def test_a_seed_divides_a_domain_and_leaves_the_order_of_domains(tmp_path: Path) -> None:
    letters = folder(tmp_path / "letters", "abcdefgh")
    sets = ["scenario.name=domains", f"scenario.domains=[{letters},digits]", "scenario.order=seed"]
    whole = [scenario(seed, *sets) for seed in (1, 2)]
    assert [task.classes for task in whole[0].tasks] == [task.classes for task in whole[1].tasks]
    assert prints(whole[0], "validation") != prints(whole[1], "validation")
    one, two = (
        [task.classes for task in scenario(seed, *sets, "scenario.classes_per_task=2").tasks] for seed in (1, 2)
    )
    assert one != two
    for classes in (one, two):
        assert sorted(c for task in classes[:4] for c in task) == list(range(8))
        assert sorted(c for task in classes[4:] for c in task) == list(range(8, 18))


def test_a_seed_draws_patterns() -> None:
    one, again, other = (scenario(seed, preset="random-patterns") for seed in (1, 1, 2))
    assert prints(one, "train") == prints(again, "train") and not set(prints(one, "train")) & set(
        prints(other, "train")
    )


def test_added_tasks_are_held_out_by_the_seed_too(tmp_path: Path) -> None:
    letters = folder(tmp_path / "letters", "ab")
    added = [f"extend=[{letters}]", "data.validation=0.4"]
    fingerprints = [scenario(seed, *added).tasks[-1].validation.fingerprint() for seed in (1, 1, 2, 3)]
    assert fingerprints[0] == fingerprints[1] and len(set(fingerprints)) > 1
    given = [scenario(seed, *added, "scenario.order=given").tasks[-1].validation.fingerprint() for seed in (1, 2, 3)]
    assert len(set(given)) == 1


def test_settings_of_the_same_tasks_have_one_key() -> None:
    def keys(order: str) -> set[str]:
        sets = [f"scenario.order={order}"]
        return {tasks_key(gencl.resolve("digits-mlp", seed=seed, assignments=sets)) for seed in (1, 2)}

    assert len(keys("seed")) == 2 and len(keys("given")) == 1


def test_all_seeds_share_a_reader_and_where_they_could_not_a_comparison_is_refused(tmp_path: Path) -> None:
    sets = [f"data.name={folder(tmp_path / 'letters', 'abcd')}", "scenario.order=seed", "data.validation=0.4"]
    one, two = (scenario(seed, *sets, preset="digits-cgan") for seed in (1, 2))
    assert names(one) != names(two)
    assert Lessons(one, "test", TRAINING_PLAN).key == Lessons(two, "test", TRAINING_PLAN).key
    assert Lessons(one, "validation", TRAINING_PLAN).key != Lessons(two, "validation", TRAINING_PLAN).key
    wanted = [*sets, *tiny("digits-cgan"), "evaluate.split=validation"]
    with pytest.raises(UsageError, match=r"scenario\.order: with seed each seed has validation images of its own"):
        compare("sgd", (1, 2), tmp_path / "out", "digits-cgan", set=wanted, progress="silent")
    assert not (tmp_path / "out").exists()


class Halves(Recipe):
    """A recipe as plug-ins wrote it before seeds could draw tasks."""

    class Settings(Part):
        name: str = "halves"

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)

    def build(self, data: DataSettings, load: Load) -> Scenario:
        dataset: Dataset = load(data.name)
        groups = [tuple(range(5)), tuple(range(5, 10))]
        tasks = [task_of_classes(dataset, g, data, i, index=i, name=f"half {i}") for i, g in enumerate(groups)]
        return Scenario("halves", tuple(tasks), dataset.classes, dataset.reader)


def test_a_plug_ins_recipe_needs_no_change() -> None:
    SCENARIOS.add("halves", Halves, "two halves", "halves.py")
    try:
        one, two = (scenario(seed, "scenario.name=halves") for seed in (1, 2))
        assert names(one) == ["half 0", "half 1"] and prints(one, "validation") == prints(two, "validation")
        with pytest.raises(UsageError, match=r"no setting is called scenario\.order"):
            scenario(1, "scenario.name=halves", "scenario.order=seed")
    finally:
        SCENARIOS.remove("halves")


def test_a_run_of_a_drawn_order_resumes_and_is_measured_on_its_own_tasks(tmp_path: Path) -> None:
    sets = tiny("digits-mlp")
    run = gencl.train("digits-mlp", "ewc", 7, tmp_path / "run", set=sets, threads=1, progress="silent")
    drawn = scenario(7, *sets)
    assert run.metrics["tasks"] == names(drawn) != names(scenario(8, *sets))
    assert run.card.tasks == [list(task.classes) for task in drawn.tasks]
    assert not differences(stored_settings(run.path).tree(), gencl.resolve("digits-mlp", None, "ewc", 7, sets).tree())
    results = gencl.compare("ewc,joint", (7, 8), tmp_path / "c", "digits-mlp", set=sets, threads=1, progress="silent")
    cell = gencl.Run(tmp_path / "c" / "ewc" / "seed-7").metrics
    assert cell["tasks"] == run.metrics["tasks"] and cell["matrices"] == run.metrics["matrices"]
    assert results["methods"]["ewc"]["fwt"]["n"] == 2
    joint = gencl.Run(tmp_path / "c" / "joint" / "seed-8").metrics
    assert joint["tasks"] == names(scenario(8, *sets))
