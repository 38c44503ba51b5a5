"""Averages of the last steps' parameters."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import gencl
from gencl.runs.build import make_learner
from gencl.training.averaging import Average
from tests.conftest import killed_at, tiny

pytestmark = pytest.mark.numeric


def test_it_looks_back_over_its_share_of_the_steps() -> None:
    learner = make_learner({"name": "mlp", "hidden": [4]}, (1, 2, 2), 0, torch.device("cpu"))
    learner.grow([0, 1], 0)
    phases = learner.phases([0])
    average, plain = Average(learner, phases, 0.5, 8), Average(learner, phases, 0, 8)
    moved = phases[0].parameters[0].data
    expected = moved.clone()
    for step in range(8):
        moved += step
        expected += (moved - expected) / 4
        average.update()
        plain.update()
    plain.take()
    assert not torch.equal(moved, expected) and not plain.tensors()
    average.take()
    torch.testing.assert_close(moved, expected)


def test_a_run_with_averages_resumes_bit_for_bit(tmp_path: Path) -> None:
    sets = [*tiny("digits-cgan"), "train.average=0.2", "train.checkpoint_every=1"]
    whole = gencl.train("digits-cgan", "anpyc", out=tmp_path / "whole", set=sets, progress="silent")
    with killed_at(6 + 3):  # in the second task
        gencl.train("digits-cgan", "anpyc", out=tmp_path / "cut", set=sets, progress="silent")
    resumed = gencl.train(out=tmp_path / "cut", resume=True, progress="silent")
    one, other = (run.learner().state_dict() for run in (whole, resumed))
    assert all(torch.equal(one[name], other[name]) for name in one)
    last = gencl.train("digits-cgan", "anpyc", out=tmp_path / "last", set=sets[:-2], progress="silent")
    assert any(not torch.equal(one[name], tensor) for name, tensor in last.learner().state_dict().items())
