"""Replay: what is replayed, by whom, and for whom it cannot be."""

from __future__ import annotations

import pytest
import torch

import gencl
from gencl.core.errors import UsageError
from gencl.core.processes import Processes
from gencl.core.randomness import RandomSource
from gencl.methods.base import Context
from gencl.methods.dgr import DGR
from gencl.scenarios.batch import Batch
from tests.conftest import grown, tiny


def context(tasks: int) -> Context:
    settings = gencl.resolve("digits-cgan", method="dgr", assignments=tiny("digits-cgan"))
    learner, scenario = grown(settings, tasks)
    return Context(learner, scenario.tasks[tasks - 1], False, 0, settings.train, Processes(), RandomSource(0))


def batch_of(n: int, label: int) -> Batch:
    return Batch(torch.rand(n, 1, 28, 28), torch.full((n,), label))


def test_half_of_the_batch_is_replayed_uniformly_over_past_classes() -> None:
    ctx = context(3)
    method = DGR(DGR.Settings())
    method.before_task(ctx)
    batch = method.extend_batch(ctx, batch_of(6000, 2))
    counts = batch.classes.bincount(minlength=3)
    assert len(batch) == 6000 and counts[2] == 3000
    assert (counts[:2] - 1500).abs().max() < 150  # four standard deviations
    assert batch.inputs.min() >= 0 and batch.inputs.max() <= 1


def test_the_first_task_replays_nothing() -> None:
    ctx = context(1)
    method = DGR(DGR.Settings())
    method.before_task(ctx)
    batch = batch_of(8, 0)
    assert method.extend_batch(ctx, batch) is batch
    assert method.state_dict() == {}


def test_the_teacher_is_frozen_and_survives_a_checkpoint() -> None:
    ctx = context(2)
    method = DGR(DGR.Settings())
    method.before_task(ctx)
    stored = {name: value.clone() for name, value in method.state_dict().items()}
    with torch.no_grad():
        for parameter in ctx.learner.parameters():
            parameter.add_(1.0)
    restored = DGR(DGR.Settings())
    restored.load_state_dict(stored, ctx.learner)
    for one in (method, restored):
        assert all(torch.equal(value, stored[name]) for name, value in one.state_dict().items())
    first, second = (
        one.extend_batch(
            Context(ctx.learner, ctx.task, False, 0, ctx.train, Processes(), RandomSource(5)), batch_of(8, 1)
        )
        for one in (method, restored)
    )
    assert torch.equal(first.inputs[4:], second.inputs[4:])


def test_a_classifier_is_refused_with_what_to_do() -> None:
    learner, _ = grown(gencl.resolve("digits-mlp"))
    with pytest.raises(UsageError, match=r"model\.generator\.name=cgan.*these can: sgd"):
        DGR(DGR.Settings()).check(learner)
