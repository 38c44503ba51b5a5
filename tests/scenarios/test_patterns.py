"""Random binary patterns."""

from __future__ import annotations

import pytest
import torch

from gencl import presets
from gencl.core.errors import UsageError
from gencl.runs.build import make_scenario


def test_patterns_are_bits_with_both_labels_and_equal_each_time() -> None:
    sets = ["scenario.name=patterns", "scenario.tasks=30", "scenario.patterns=2", "scenario.units=40"]
    one, two = (make_scenario(presets.resolve("digits-mlp", assignments=sets, seed=seed), None) for seed in (0, 1))
    for t, task in enumerate(one.tasks):
        assert task.train is task.test and task.train.images.shape == (2, 1, 1, 40)
        assert task.train.images.unique().tolist() == [0, 255]
        assert sorted(task.train.labels.tolist()) == list(task.classes) == [2 * t, 2 * t + 1]
        assert torch.equal(task.train.images, two.tasks[t].train.images)
    assert len({task.train.fingerprint() for task in one.tasks}) == 30
    assert {int(task.train.labels[0]) % 2 for task in one.tasks} == {0, 1}


def test_bits_are_fair() -> None:
    sets = ["scenario.name=patterns", "scenario.tasks=1", "scenario.patterns=400", "scenario.units=100"]
    task = make_scenario(presets.resolve("digits-mlp", assignments=sets), None).tasks[0]
    assert 0.49 < float((task.train.images == 255).float().mean()) < 0.51
    assert 170 < int(task.train.labels.sum()) < 230


def test_patterns_cannot_be_mirrored() -> None:
    sets = ["scenario.name=patterns", "data.flip=yes"]
    with pytest.raises(UsageError, match=r"data\.flip: random patterns have no left and right"):
        make_scenario(presets.resolve("digits-mlp", assignments=sets), None)
