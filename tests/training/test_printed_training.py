"""Training as the papers print it: a stopping rule, drops of the rate, weight decay, a Gaussian start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import gencl
from gencl.core.errors import UsageError
from gencl.core.train_settings import TrainSettings
from gencl.runs.build import make_learner
from gencl.training.schedule import learning_rate
from tests.conftest import tiny
from tests.training.test_resuming import killed_at, model_bytes, train, without_cost

SETS = [*tiny("digits-mlp"), "data.limit=64", "train.batch_size=32", "train.steps=40", "train.checkpoint_every=1"]


def test_a_stage_ends_when_its_loss_no_longer_falls(tmp_path: Path) -> None:
    sets = [*SETS, "train.patience=2", "train.lr=10"]  # too high: the loss soon rises
    whole = gencl.train("digits-mlp", "anpyc", 0, tmp_path / "whole", set=sets, progress="silent")
    steps = whole.metrics["cost"]["steps"]
    assert steps % 2 == 0 and 3 * 6 <= steps < 3 * 40  # epochs of two steps; three in a stage at least
    stages = [json.loads(line)["stage"] for line in (whole.path / "log.jsonl").read_text().splitlines()]
    assert any(stage.startswith("retrain") for stage in stages)
    for at in (5, 11, steps // 2 + 1):
        with killed_at(at):
            train(tmp_path / str(at), "digits-mlp", "anpyc", set=sets)
        resumed = gencl.train(out=tmp_path / str(at), resume=True, progress="silent")
        assert model_bytes(resumed) == model_bytes(whole)
        assert without_cost(resumed) == without_cost(whole)


def test_with_patience_to_spare_nothing_changes(tmp_path: Path) -> None:
    runs = [
        gencl.train("digits-mlp", "sgd", 0, tmp_path / name, set=[*SETS, *more], progress="silent")
        for name, more in (("without", []), ("with", ["train.patience=1000"]))
    ]
    assert model_bytes(runs[0]) == model_bytes(runs[1])


def test_the_rate_drops_at_its_milestones() -> None:
    settings = TrainSettings(lr=1.0, lr_flat=1.0, drops=[0.5, 0.75], drop=0.1)
    rates = [learning_rate(settings, step, 8) for step in range(8)]
    assert rates == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])
    assert "drops" not in TrainSettings().model_dump() and settings.model_dump()["drops"] == [0.5, 0.75]


def test_weight_decay_shrinks_the_weights(tmp_path: Path) -> None:
    norms = []
    for decay in (0, 0.5):
        sets = [*SETS, "scenario.tasks=1", f"train.weight_decay={decay}"]
        run = gencl.train("digits-mlp", "sgd", 0, tmp_path / str(decay), set=sets, progress="silent")
        norms.append(sum(float(p.detach().square().sum()) for p in run.learner().shared().values()))
    assert norms[1] < 0.8 * norms[0]


def test_a_gaussian_start() -> None:
    learner = make_learner({"name": "mlp", "hidden": [200], "start": "gaussian"}, (1, 28, 28), 0, "cpu")
    weight, bias = (learner.shared()[f"trunk.hidden.0.linear.{name}"].detach() for name in ("weight", "bias"))
    assert 0.099 < float(weight.std()) < 0.101 and torch.equal(bias, torch.zeros(200))


def test_a_generator_beside_a_classifier_does_not_end_its_stages(tmp_path: Path) -> None:
    """The losses of a GAN rise and fall as its networks play against each other."""
    sets = [*SETS, "train.patience=3", "train.steps=20"]
    alone = gencl.train("digits-mlp", "finetune", 0, tmp_path / "alone", set=sets, progress="silent")
    more = ["model.generator={name: cgan, width: 4}"]
    beside = gencl.train("digits-mlp", "finetune", 0, tmp_path / "beside", set=[*sets, *more], progress="silent")
    assert beside.metrics["cost"]["steps"] == alone.metrics["cost"]["steps"]
    with pytest.raises(UsageError, match=r"train\.patience: the losses of this model play against each other"):
        gencl.train("digits-cgan", "sgd", 0, tmp_path / "gan", set=["train.patience=3"], progress="silent")
    assert not (tmp_path / "gan").exists()
