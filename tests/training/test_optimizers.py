"""Learning rates: one for what is shared from the second task on, one for the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import Parameter

import gencl
from gencl.core.train_settings import TrainSettings
from gencl.learners.learner import Phase
from gencl.training.optimizers import make_optimizer, set_rate
from tests.conftest import tiny


def test_slow_parameters_move_by_their_factor() -> None:
    fast, slow = Parameter(torch.zeros(2)), Parameter(torch.zeros(2))
    phase = Phase("both", [slow, fast], lambda *_: torch.zeros(()), moves_shared=True)
    settings = TrainSettings(optimizer="sgd", lr=1.0, momentum=0.0, shared_lr=0.25)
    optimizer = make_optimizer(phase, settings, [slow])
    set_rate(optimizer, 0.5)
    for parameter in (fast, slow):
        parameter.grad = torch.ones(2)
    optimizer.step()
    assert torch.equal(fast.detach(), torch.full((2,), -0.5)) and torch.equal(slow.detach(), torch.full((2,), -0.125))


def test_rmsprop_divides_by_the_gradients_standard_deviation() -> None:
    moved = Parameter(torch.zeros(1))
    settings = TrainSettings(optimizer="rmsprop", lr=0.1, momentum=0.0)
    optimizer = make_optimizer(Phase("one", [moved], lambda *_: torch.zeros(()), moves_shared=True), settings)
    mean = square = expected = 0.0
    for gradient in (1.0, -0.5, 2.0):
        moved.grad = torch.tensor([gradient])
        optimizer.step()
        mean, square = 0.95 * mean + 0.05 * gradient, 0.95 * square + 0.05 * gradient**2
        expected -= 0.1 * gradient / ((square - mean**2) ** 0.5 + 0.01)
    assert float(moved.detach()) == pytest.approx(expected, rel=1e-5)


def test_the_first_task_learns_at_the_full_rate(tmp_path: Path) -> None:
    """Up to the second task nothing differs; a factor of 0 holds what is shared from then on."""
    short = [*tiny("digits-mlp"), "train.steps=3"]
    changes = {"1": ["scenario.tasks=1"], "2": ["train.shared_lr=0"], "3": []}
    first, held, free = (
        gencl.train("digits-mlp", "finetune", out=tmp_path / name, set=[*short, *more], progress="silent")
        for name, more in changes.items()
    )
    before, after, other = (run.learner().shared() for run in (first, held, free))
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert any(not torch.equal(before[name], other[name]) for name in before)
