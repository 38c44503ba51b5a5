"""Averages of the last steps' parameters."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import gencl
from gencl.learners.learner import Learner
from gencl.presets import resolve
from gencl.runs.build import make_learner
from gencl.training.averaging import RAMP, Average
from tests.conftest import grown, killed_at, tiny


def _network() -> Learner:
    learner = make_learner({"name": "mlp", "hidden": [4]}, (1, 2, 2), 0, torch.device("cpu"))
    learner.grow([0, 1], 0)
    return learner


@pytest.mark.numeric
def test_what_it_knows_counts_half_after_its_half_life() -> None:
    learner = _network()
    phases = learner.phases([0])
    average, plain = Average(learner, phases, 32, 4), Average(learner, phases, "auto", 4)
    weight = phases[0].parameters[0].data
    start = weight.clone()
    weight += 1
    for step in range(1000, 1008):  # 8 steps of 4 images, long after the first ones
        average.update(step)
        plain.update(step)
    plain.take()
    torch.testing.assert_close(weight, start + 1)
    assert not plain.tensors()
    average.take()
    torch.testing.assert_close(weight, start + 0.5)


@pytest.mark.numeric
def test_at_first_it_looks_back_a_tenth_of_what_was_seen() -> None:
    learner = _network()
    phases = learner.phases([0])
    average = Average(learner, phases, 10**9, 4)
    weight = phases[0].parameters[0].data
    expected = weight.clone()
    for step in range(20):
        weight += 1
        expected += (weight - expected) * (1 - 0.5 ** (1 / (RAMP * (step + 1))))
        average.update(step)
    average.take()
    torch.testing.assert_close(weight, expected)


def test_only_phases_that_ask_for_it_are_averaged_of_themselves() -> None:
    learner, _ = grown(resolve("digits-cgan", assignments=tiny("digits-cgan")))
    phases = learner.phases([0])
    assert [phase.half_life > 0 for phase in phases] == [False, True]
    assert len(Average(learner, phases, "auto", 4).tensors()) == len(phases[1].parameters)
    assert not Average(learner, phases, 0.0, 4).tensors()


def test_what_a_later_stage_prunes_stays_pruned_in_the_average(tmp_path: Path) -> None:
    sets = [*tiny("digits-cgan"), "train.half_life=auto", "method.prune=50", "method.last=prune", "train.steps=12"]
    run = gencl.train("digits-cgan", "anpyc", out=tmp_path / "run", set=sets, progress="silent")
    weights = [w for n, w in run.learner().state_dict().items() if "generator.trunk" in n and w.ndim > 1]
    zeros, everything = sum(int((w == 0).sum()) for w in weights), sum(w.numel() for w in weights)
    assert zeros > 0.1 * everything  # half of what each task before it had pruned


def test_a_run_with_averages_resumes_bit_for_bit(tmp_path: Path) -> None:
    sets = [*tiny("digits-cgan"), "train.half_life=auto", "train.checkpoint_every=1"]
    whole = gencl.train("digits-cgan", "anpyc", out=tmp_path / "whole", set=sets, progress="silent")
    with killed_at(6 + 3):  # in the second task
        gencl.train("digits-cgan", "anpyc", out=tmp_path / "cut", set=sets, progress="silent")
    resumed = gencl.train(out=tmp_path / "cut", resume=True, progress="silent")
    one, other = (run.learner().state_dict() for run in (whole, resumed))
    assert all(torch.equal(one[name], other[name]) for name in one)
    last = gencl.train(
        "digits-cgan", "anpyc", out=tmp_path / "last", set=[*sets, "train.half_life=0"], progress="silent"
    )
    assert any(not torch.equal(one[name], tensor) for name, tensor in last.learner().state_dict().items())


@pytest.mark.numeric
def test_what_a_stage_begins_with_is_forgotten() -> None:
    """Wherever in the task it begins: such as weights that were just pruned."""
    learner = _network()
    phases = learner.phases([0])
    average = Average(learner, phases, 10**9, 4, 10_000)
    weight = phases[0].parameters[0].data
    weight.zero_()
    for step in range(10_000, 10_020):
        weight.fill_(1)
        average.update(step)
    average.take()
    assert weight.min() > 0.995
