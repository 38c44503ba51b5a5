"""A learner of a new kind needs one file, and nothing in gencl: it is trained, protected, stopped and resumed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

import gencl
from gencl.core.randomness import RandomSource
from gencl.plugins import load_plugin, unload_plugin
from tests.conftest import killed_at

PLUGIN = Path(__file__).with_name("vectors.py")
SETS = [
    "scenario={name: vectors, tasks: 3}",
    "model={name: regressor}",
    "train.steps=40",
    "train.checkpoint_every=10",
    "train.lr=0.05",
]


@pytest.fixture(autouse=True)
def _loaded() -> Iterator[None]:
    load_plugin(PLUGIN)
    yield
    unload_plugin(PLUGIN)


def train(method: str, folder: Path) -> gencl.Run:
    sets = [*SETS, *(["method.lambda=1"] if method == "ewc" else [])]
    return gencl.train("digits-mlp", method, 0, folder, set=sets, progress="silent")


def weights(run: gencl.Run) -> Tensor:
    return run.learner().state_dict()["linear.weight"].flatten()


def test_it_learns_and_is_protected(tmp_path: Path) -> None:
    plain, held = (train(method, tmp_path / method) for method in ("sgd", "ewc"))
    drawn = [RandomSource("weights", task).normal(8) for task in range(3)]
    assert torch.dist(weights(plain), drawn[2]) < 0.5 < torch.dist(weights(plain), drawn[0])
    assert torch.dist(weights(held), drawn[0]) < torch.dist(weights(plain), drawn[0])
    assert held.metrics["kind"] == "regress" and held.metrics["cost"]["samples_backward"] > 0
    assert held.report.is_file() and "regress" in held.report.read_text()


@pytest.mark.parametrize("stopped_at", [10, 40, 70])
def test_a_stopped_run_goes_on(stopped_at: int, tmp_path: Path) -> None:
    whole = train("ewc", tmp_path / "whole")
    with killed_at(stopped_at):
        train("ewc", tmp_path / "cut")
    again = gencl.train(out=tmp_path / "cut", resume=True, progress="silent")
    assert torch.equal(weights(again), weights(whole))


def test_a_method_that_measures_another_scalar_says_so(tmp_path: Path) -> None:
    with pytest.raises(
        gencl.UsageError, match="spp cannot serve Regressor: it measures entropy, and that has likelihood"
    ):
        train("spp", tmp_path / "run")
