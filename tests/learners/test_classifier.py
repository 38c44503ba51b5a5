"""Heads: a head per task, one for all tasks, one over all classes."""

from __future__ import annotations

from typing import cast

import pytest
import torch

from gencl.core.errors import UsageError
from gencl.core.randomness import RandomSource
from gencl.learners.classifier import Classifier
from gencl.presets import resolve
from gencl.scenarios.batch import Batch
from tests.conftest import context, grown

pytestmark = pytest.mark.numeric


def learner(heads: str, tasks: int = 3) -> Classifier:
    return cast(Classifier, context(tasks=tasks, model__heads=heads, model__hidden="[16]").learner)


@pytest.mark.parametrize(("heads", "outputs", "layers"), [("task", 2, 1), ("domain", 2, 2), ("class", 6, 1)])
def test_columns_and_answers(heads: str, outputs: int, layers: int) -> None:
    model = learner(heads)
    classes = torch.tensor([4, 5, 4])  # the third task's
    images = torch.rand(3, 1, 28, 28)
    scores, right = model.logits(images, model.position[classes])
    assert scores.shape == (3, outputs)
    assert right.tolist() == ([4, 5, 4] if heads == "class" else [0, 1, 0])
    answers = model.predict(images, classes)
    assert set(answers.tolist()) <= (set(range(6)) if heads == "class" else {4, 5})
    assert len(model.layers()) == layers
    assert ("head.0.weight" in model.shared()) == (heads == "domain")


def test_a_mixed_batch_competes_within_each_samples_task() -> None:
    model = learner("task")
    images, classes = torch.rand(6, 1, 28, 28), torch.tensor([0, 3, 5, 1, 2, 4])
    together = model.predict(images, classes)
    single = torch.cat([model.predict(images[i : i + 1], classes[i : i + 1]) for i in range(6)])
    assert torch.equal(together, single)
    assert (together // 2 == classes // 2).all()
    losses = [model.loss(Batch(images[i : i + 1], classes[i : i + 1]), 0, RandomSource(0)) for i in range(6)]
    assert torch.isclose(model.loss(Batch(images, classes), 0, RandomSource(0)), torch.stack(losses).mean())


def test_told_or_looked_up_the_tasks_are_the_same() -> None:
    model = learner("task")
    images, classes = torch.rand(4, 1, 28, 28), torch.tensor([2, 3, 3, 2])
    told = model.loss(Batch(images, classes, tasks=(1,)), 0, RandomSource(0))
    assert torch.equal(told, model.loss(Batch(images, classes), 0, RandomSource(0)))


def test_one_head_for_all_needs_as_many_classes_in_every_task() -> None:
    _, scenario = grown(resolve("digits-mlp", assignments=["scenario.sizes=[3,3,4]"]))
    with pytest.raises(UsageError, match="as many classes in every task, and they have 3 or 4"):
        learner("domain", tasks=1).check(scenario.tasks)
