"""What a learner at one moment is measured on: how many images of each class, each held-out one once, and how drawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch

import gencl
from gencl.datasets.dataset import Split
from gencl.metrics.choosing import pool_size
from gencl.metrics.conditions import Conditions
from gencl.metrics.evaluator import Evaluator
from gencl.metrics.floor import RealSnapshot
from gencl.metrics.kid import kernel_distances
from gencl.metrics.real import read_real
from gencl.metrics.snapshot import Snapshot
from gencl.metrics.trained_reader import TrainedReader
from gencl.runs.build import make_scenario
from tests.conftest import grown, tiny


def snapshot(preset: str, *sets: str, tasks: int = 3, **conditions: Any) -> Snapshot:
    settings = gencl.resolve(preset, assignments=[*tiny("digits-cgan"), *sets])
    learner, scenario = grown(settings, tasks)
    evaluator = Evaluator(learner, scenario, settings.evaluate, 0)
    return Snapshot(learner, replace(evaluator.conditions, **conditions), scenario.tasks[:tasks], keep=True)


def test_classes_are_drawn_in_the_shares_of_what_is_held_out() -> None:
    alone = snapshot("digits-cgan", "scenario.classes_per_task=2", "scenario.tasks=2", tasks=1, samples=100, pool=0)
    (task,) = alone.tasks
    rows = torch.cat(
        [(task.test.labels == c).nonzero().squeeze(1)[:n] for c, n in zip(task.classes, (5, 20), strict=True)]
    )
    uneven = replace(task, test=task.test.select(rows))
    assert alone.counts_of(uneven) == [20, 80] and alone.classes_of(uneven).bincount().tolist() == [20, 80]
    few = replace(task, test=task.test.select(rows[:0]))
    assert alone.counts_of(few) == [50, 50]
    alone.conditions = replace(alone.conditions, pool=30)
    assert alone.counts_of(uneven) == [50, 50]  # pooled, every class counts alike


def test_of_tasks_together_each_counts_alike() -> None:
    both = snapshot("digits-cgan", samples=20, pool=0)
    first, second, *_ = both.tasks
    second = replace(second, test=second.test.select(torch.arange(9)))
    both.tasks = [first, second]
    _, real = both.sides([first, second])
    means = [both.reference(task).statistics for task in (first, second)]
    expected = sum(one.total / one.n for one in means) / 2
    torch.testing.assert_close(real.total / real.n, expected)


def test_a_held_out_image_that_tasks_share_counts_once() -> None:
    """Mixtures of classes are tested on images that they have in common."""
    pooled = snapshot("digits-dirichlet-cgan", tasks=3)
    prints = [one for task in pooled.tasks for one in task.test.prints()]
    _, real = pooled.features_of(pooled.tasks)
    assert Counter(prints).most_common(1)[0][1] > 1 and len(real) == len({*prints})


def test_more_pictures_of_a_known_class_are_looked_at() -> None:
    pooled = snapshot("digits-cgan", pool=10)
    first = pooled.tasks[0]
    inverted = Split(255 - first.test.images, first.test.labels)
    more = replace(first, index=3, name="more", test=inverted)
    before, after = (pooled.features_of(tasks)[1] for tasks in (pooled.tasks, [*pooled.tasks, more]))
    assert len(after) == len(before) + len(inverted)
    back = replace(first, index=4, name="again", again=0)  # the same images show nothing new
    assert len(pooled.features_of([*pooled.tasks, back])[1]) == len(before)


def test_a_class_that_comes_back_with_few_images_makes_no_pool_smaller() -> None:
    """Inferred tasks may begin or end a batch too late, so that a class is first seen in one image."""
    settings = gencl.resolve("digits-cgan", assignments=[*tiny("digits-cgan"), "evaluate.samples=60"])
    _, scenario = grown(settings, tasks=2)
    first, second, *_ = scenario.tasks
    few = replace(first, train=first.train.select(torch.arange(1)))
    late = replace(
        second, train=Split.concatenate([first.train, second.train]), classes=(*first.classes, *second.classes)
    )
    assert pool_size(scenario, settings.evaluate) == 60
    assert pool_size(replace(scenario, tasks=(few, late)), settings.evaluate) == 30  # of two classes
    learner, _ = grown(settings, tasks=2)
    conditions = replace(Evaluator(learner, scenario, settings.evaluate, 0).conditions, pool=30)
    shown, _ = RealSnapshot(learner, conditions, [few, late], keep=True).features_of([few, late])
    assert len(shown) == 60


def test_drawing_changes_no_running_statistics() -> None:
    drawn = snapshot("digits-cgan", "model.norm=batch")
    drawn.learner.train()
    before = [buffer.clone() for buffer in drawn.learner.buffers()]
    drawn.sampled(drawn.tasks[0])
    drawn.images(drawn.tasks[0], torch.arange(4))
    assert drawn.learner.training
    assert all(torch.equal(a, b) for a, b in zip(before, drawn.learner.buffers(), strict=True))


def test_answers_in_the_cache_are_of_a_reader_with_the_same_order_of_classes() -> None:
    part = make_scenario(gencl.resolve("digits-cgan"), None).tasks[0].test
    reader = TrainedReader(shape=part.shape, classes=2).eval()
    reader.version, reader.outputs = "a test", [0, 1]
    answers = read_real(reader, part, 50, Conditions(1, 0).processes).answers
    with torch.no_grad():
        for tensor in (reader.head.weight, reader.head.bias):
            tensor.data = tensor.data[[1, 0]]
    reader.outputs = [1, 0]
    assert torch.equal(read_real(reader, part, 50, Conditions(1, 0).processes).answers, 1 - answers)


@pytest.mark.numeric
def test_the_deviation_of_kid_is_that_of_subsets_that_differ() -> None:
    one, other = torch.randn(2, 60, 8)
    mean, deviation = kernel_distances(one, other)
    assert deviation > 0.05 * abs(mean) + 1e-3


def test_classes_of_permuted_tasks_are_told_apart() -> None:
    settings = gencl.resolve("digits-mlp", assignments=["scenario={name: permuted, tasks: 2}", "model.heads=task"])
    names = [task.name for task in make_scenario(settings, None).by_class()]
    assert len(names) == len({*names}) == 20 and names[0] == "permutation 1: 0"
    split = make_scenario(gencl.resolve("digits-mlp", assignments=["scenario.order=given"]), None)
    assert [task.name for task in split.by_class()][:2] == ["0", "1"]
