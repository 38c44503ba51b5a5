"""Heads with a layer of their own: one per task, never shared, with dropout in training only."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
import torch

import gencl
from gencl.core.errors import UsageError
from gencl.core.randomness import RandomSource
from gencl.learners.classifier import Classifier
from gencl.runs.build import make_learner
from gencl.scenarios.batch import Batch
from tests.conftest import killed_at, tiny
from tests.training.test_resuming import model_bytes

LAYER = ["model.head_units=24", "model.head_dropout=0.5"]
SETS = [*tiny("digits-mlp"), *LAYER, "train.checkpoint_every=1"]


def made(**settings: object) -> Classifier:
    learner = make_learner({"name": "mlp", "hidden": [16], **settings}, (1, 8, 8), 0, "cpu")
    learner.grow([0, 1], 0)
    learner.grow([2, 3, 4], 0)
    return cast(Classifier, learner)


def test_the_layer_belongs_to_the_task() -> None:
    learner = made(head_units=24, head_dropout=0.5)
    shapes = {name: tuple(p.shape) for name, p in learner.own(1).items()}
    assert shapes == {
        "head.1.0.weight": (24, 16),
        "head.1.0.bias": (24,),
        "head.1.3.weight": (3, 24),
        "head.1.3.bias": (3,),
    }
    assert not set(map(id, learner.own(0).values())) & set(map(id, learner.own(1).values()))
    assert all(name.startswith("trunk.") for name in learner.shared())
    assert list(made().own(1)) == ["head.1.weight", "head.1.bias"]


def test_its_units_are_left_out_in_training_only() -> None:
    learner = made(head_units=24, head_dropout=0.5)
    batch = Batch(torch.rand(4, 1, 8, 8), torch.tensor([2, 3, 4, 2]), (1,))
    losses = {learner.loss(batch, 0, RandomSource(seed)).item() for seed in range(3)}
    assert len(losses) == 3
    learner.eval()
    assert len({learner.loss(batch, 0, RandomSource(seed)).item() for seed in range(3)}) == 1


@pytest.mark.parametrize("units", [0, 24])
def test_responses_are_the_logits_of_each_head(units: int) -> None:
    learner = made(head_units=units).eval()
    learner.grow([5, 6], 0)
    images = torch.rand(3, 1, 8, 8)
    two, three = learner.responses(images, [0, 1, 2])
    assert two.shape == (3, 2, 2) and three.shape == (3, 1, 3)
    features = learner.trunk(images)
    for scores, group in ((two[:, 0], 0), (two[:, 1], 2), (three[:, 0], 1)):
        assert torch.allclose(scores, learner.head[group](features), atol=1e-6)


@pytest.mark.parametrize("method", ["anpyc", "lwf", "hat", "clnp", "er"])
def test_methods_run_on_it_and_resume(method: str, tmp_path: Path) -> None:
    whole = gencl.train("digits-mlp", method, 0, tmp_path / "whole", set=SETS, progress="silent")
    with killed_at(3):
        gencl.train("digits-mlp", method, 0, tmp_path / "cut", set=SETS, progress="silent")
    resumed = gencl.train(out=tmp_path / "cut", resume=True, progress="silent")
    assert model_bytes(resumed) == model_bytes(whole)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["model.head_units=8", "model.heads=domain"], "model.head_units: one head for all tasks has no layer"),
        (["model.head_dropout=0.5"], "model.head_dropout: it needs model.head_units"),
    ],
)
def test_what_makes_no_sense_is_refused(more: list[str], message: str, tmp_path: Path) -> None:
    sets = [*tiny("digits-mlp"), *more]
    with pytest.raises(UsageError, match=message):
        gencl.train("digits-mlp", "sgd-f", 0, tmp_path / "run", set=sets, progress="silent")
