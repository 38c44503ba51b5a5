"""Tasks that are cut out of a stream of batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import gencl
from gencl.core.errors import UsageError
from gencl.methods import building
from gencl.runs.build import make_scenario, seed_draws_tasks, tasks_key
from gencl.scenarios import stream
from gencl.scenarios.pieces import Pieces
from gencl.scenarios.task import Scenario, Task

INFERRED = ("train.boundaries=inferred", "train.lr_end=1", "train.steps=12", "train.batch_size=32")
TWICE = ("scenario.name=repeat", "scenario.of={name: permuted, tasks: 2}")
PAIRS = ("scenario.name=split", "scenario.classes_per_task=2", "scenario.tasks=2")


def scenario(*assignments: str, seed: int = 0) -> Scenario:
    return make_scenario(gencl.resolve("digits-mlp", seed=seed, assignments=assignments), None)


def cut(given: Scenario, decisions: Sequence[int], batch_size: int = 8) -> list[Task]:
    """The tasks where decisions are made elsewhere."""
    steps = len(decisions) // len(given.tasks)
    visits = [(task.index if task.again is None else task.again, steps) for task in given.tasks]
    return list(Pieces(given, visits, decisions, batch_size, 3).tasks())


def test_each_seed_infers_tasks_of_its_own() -> None:
    assert seed_draws_tasks(gencl.resolve("digits-cgan", assignments=INFERRED))


def test_inferred_tasks_that_are_right_are_the_given_ones() -> None:
    given, found = scenario(*TWICE), scenario(*TWICE, *INFERRED)
    assert [task.name for task in found.tasks] == [
        "inferred 1",
        "inferred 2",
        "inferred 1 (visit 2)",
        "inferred 2 (visit 2)",
    ]
    for true, task in zip(given.tasks, found.tasks, strict=True):
        assert (task.index, task.classes, task.again) == (true.index, true.classes, true.again)
        assert task.test.fingerprint() == true.test.fingerprint() and torch.equal(task.test.labels, true.test.labels)
        ours, theirs = task.source(32, 0), true.source(32, 0)
        for step in (0, 5, 11):
            one, other = ours.batch(step), theirs.batch(step)
            assert torch.equal(one.inputs, other.inputs) and torch.equal(one.classes, other.classes)
    assert found.class_names == given.class_names[: len(found.class_names)]
    assert found.boundaries is not None and found.boundaries["attributed"] == 1
    assert found.boundaries["returns"] == {"recognised": 2, "of": 2}


@pytest.mark.parametrize("flip", ["no", "yes"])
def test_each_batch_of_the_stream_is_learned_with_the_task_it_was_attributed_to(flip: str) -> None:
    given = scenario(*PAIRS, f"data.flip={flip}")
    tasks = cut(given, [0] * 5 + [0] * 2 + [1] * 3)
    assert [task.steps(gencl.resolve("digits-mlp").train) for task in tasks] == [7, 3]
    stream = [task.source(8, 3).batch(step) for task in given.tasks for step in range(5)]
    found = [(task, task.source(8, 3).batch(step)) for task in tasks for step in range(7 - 4 * task.index)]
    for true, (task, batch) in zip(stream, found, strict=True):
        assert torch.equal(true.inputs, batch.inputs) and torch.equal(true.classes, batch.classes)
        assert batch.tasks == (task.index,)
        if batch.index is not None:
            assert torch.equal(task.train.take(batch.index).float() / 255, batch.inputs)
            assert torch.equal(task.train.labels[batch.index], batch.classes)
    assert set(tasks[0].classes) == {0, 1, 2, 3} and set(tasks[1].classes) == {2, 3}
    assert tasks[0].source(1, 0).fingerprint() != cut(given, [0] * 5 + [1] * 5)[0].source(1, 0).fingerprint()


def test_two_processes_share_a_batch() -> None:
    task = cut(scenario(*PAIRS), [0] * 10)[0]
    whole, halves = task.source(8, 3).batch(6), [task.source(8, 3).batch(6, rank, 2) for rank in range(2)]
    assert torch.equal(whole.inputs, torch.cat([half.inputs for half in halves]))


def test_classes_that_share_names_are_numbered_by_the_inferred_task() -> None:
    given = scenario("scenario.name=permuted", "scenario.tasks=2")
    first, second, third = cut(given, [0] * 4 + [1] + [0] * 5)
    assert first.classes == third.classes == tuple(range(10)) and second.classes == tuple(range(10, 20))
    assert (first.again, second.again, third.again) == (None, None, 0)
    assert int(second.train.labels.min()) >= 10


def test_a_task_comes_back_whole_only_with_the_same_classes() -> None:
    tasks = cut(scenario(*PAIRS), [0] * 5 + [1] * 2 + [0] * 3)
    assert [task.classes for task in tasks] == [(0, 1), (2, 3), (2, 3)]
    assert [task.again for task in tasks] == [None, None, None]


def test_no_true_task_goes_unmeasured() -> None:
    given = scenario(*PAIRS)
    (merged,) = cut(given, [0] * 10)
    assert len(merged.test) == sum(len(task.test) for task in given.tasks)
    parts = cut(given, [0] * 5 + [1] * 3 + [2] * 2)
    assert len(parts[1].test) == len(parts[2].test) == len(given.tasks[1].test)  # both are of the second task


def test_a_class_counts_each_held_out_image_once_though_several_tasks_are_measured_on_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = ["train.steps=5", "train.lr_end=1"]
    given = scenario(*PAIRS, *steps)
    monkeypatch.setattr(stream, "_decisions", lambda *_: [0] * 5 + [1] * 2 + [0] * 3)
    found = scenario(*PAIRS, *steps, "train.boundaries=inferred")
    assert [task.classes for task in found.tasks] == [(0, 1), (2, 3), (2, 3)]
    for one, true in zip(found.by_class(), given.by_class(), strict=True):
        assert one.classes == true.classes and torch.equal(one.test.images, true.test.images)


def test_a_task_that_shows_few_images_has_these_alone() -> None:
    given = scenario(*PAIRS, "data.validation=0.2")
    task = cut(given, [0] + [1] * 4 + [2] * 5)[0]
    assert len(task.train) == 8
    assert set(task.validation.labels.tolist()) == set(task.classes)
    assert len(task.train) < len(given.tasks[0].train) and task.train.shape == given.image_shape


def test_spread_classes_keep_their_mixture() -> None:
    given = scenario("scenario.name=dirichlet", "scenario.tasks=2")
    task = cut(given, [0] * 6 + [1] * 4)[0]
    assert sum(task.mixture) == pytest.approx(1) and len(task.mixture) == len(task.classes)


def test_tasks_of_a_stream_depend_on_seed_and_steps() -> None:
    def keys(*assignments: str) -> set[str]:
        chosen = ["scenario.order=given", *assignments]
        variants = [(0, chosen), (1, chosen), (0, [*chosen, "train.steps=13"])]
        return {tasks_key(gencl.resolve("digits-mlp", seed=seed, assignments=these)) for seed, these in variants}

    assert len(keys()) == 1 and len(keys(*INFERRED)) == 3


def test_decisions_come_from_the_cache_and_a_damaged_one_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENCL_CACHE", str(tmp_path))
    first = scenario(*TWICE, *INFERRED).boundaries
    (kept,) = (tmp_path / "boundaries").iterdir()
    assert kept.read_text() == "[[0, 12], [1, 12], [0, 12], [1, 12]]"
    kept.write_text("[[0, 48]]")
    assert scenario(*TWICE, *INFERRED).boundaries != first
    for damaged in ("[[0, 12]", "[[0, 12]]", "7"):
        kept.write_text(damaged)
        assert scenario(*TWICE, *INFERRED).boundaries == first


def test_a_first_task_that_never_ends_is_a_doubt() -> None:
    found = scenario("scenario.name=permuted", "scenario.tasks=3", "scenario.size=2", *INFERRED)
    assert len(found.tasks) == 1 and len(found.doubts) == 2
    assert found.doubts[0].startswith("1 task was inferred of 3; 33.3% of the batches")
    assert found.doubts[1].startswith("the first task never ends")


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("train.lr_end=0.1", "write --set train.lr_end=1"),
        ("train.drops=[0.5]", "write --set train.drops=[]"),
        ("train.patience=3", "train.patience: ends a task at a step of its own"),
        ("train.hazard=1", "train.hazard: must be less than 1"),
        ("train.hazard=0", "train.hazard: must be greater than 0"),
        ("train.boundaries=guessed", "train.boundaries: must be 'given' or 'inferred'"),
    ],
)
def test_what_needs_to_know_the_end_is_said_in_one_line(assignment: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        scenario(*INFERRED, assignment)
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(("classes", "shares"), [(1, []), (1, ["method.shares=[3,1]"]), (2, [])])
def test_joint_training_learns_every_image_of_the_stream_once(classes: int, shares: list[str]) -> None:
    visits = f"scenario={{name: repeat, of: {{name: split, classes_per_task: {classes}, tasks: 2}}, visits: 3}}"
    settings = gencl.resolve("digits-mlp", method="joint", assignments=[*INFERRED, "train.steps=1", visits, *shares])
    tasks = make_scenario(settings, None).tasks
    (together,) = building.build(settings.method).episodes(tasks)
    shown = {image for task in tasks for image in task.train.prints()}
    assert set(together.train.prints()) == shown and len(together.train) == len(shown) > 64
    if shares:
        rows = together.dealing(32, 0, "cpu").rows(0)
        assert sorted(together.train.labels[rows].bincount().tolist()) == [8, 24]


def test_tasks_without_images_make_no_stream() -> None:
    from gencl.scenarios.stream import inferred

    given = scenario(*PAIRS)
    none = given.tasks[0].train.select(torch.arange(0))
    played = replace(given, tasks=tuple(replace(task, train=none) for task in given.tasks))
    with pytest.raises(UsageError, match="the tasks of scenario split make their batches in another way"):
        inferred(played, gencl.resolve("digits-mlp", assignments=INFERRED).train, 0)
