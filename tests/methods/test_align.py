"""Output alignment: what is pulled where, and how strongly."""

from __future__ import annotations

import pytest
import torch

from gencl.core.errors import UsageError
from gencl.methods.align import Align
from gencl.methods.base import Context
from gencl.presets import resolve
from gencl.scenarios.batch import Batch
from tests.conftest import context, grown

pytestmark = pytest.mark.numeric


def generator_step(tasks: int) -> Context:
    ctx = context("digits-cgan", tasks, model__width=4)
    ctx.phase = ctx.learner.phases([tasks - 1])[1]
    ctx.batch = Batch(torch.rand(4, 1, 28, 28), torch.full((4,), tasks - 1))
    return ctx


def moved(ctx: Context, by: float) -> None:
    with torch.no_grad():
        for parameter in ctx.learner.shared().values():
            parameter.add_(by)


def test_nothing_at_the_teacher_itself_and_nothing_in_the_first_task() -> None:
    first = generator_step(1)
    method = Align(Align.Settings())
    method.before_task(first)
    assert method.penalty(first) is None and method.state_dict() == {}
    third = generator_step(3)
    method.before_task(third)
    assert method.penalty(third).item() == 0
    moved(third, 0.1)
    assert method.penalty(third).item() > 0


def test_the_weight_grows_with_the_tasks_before() -> None:
    values = []
    for weight in (4.0, 8.0):
        ctx = generator_step(3)
        method = Align(Align.Settings(weight=weight))
        method.before_task(ctx)
        moved(ctx, 0.05)
        random = ctx.random.state()
        values.append(method.penalty(ctx).item())
        ctx.random.restore(random)
        old = method._teacher.draw(16, ctx.learner, ctx.random)
        assert set(old.classes.tolist()) <= {0, 1}  # task 3's own class is not old
        apart = ctx.learner.misalignment(method._teacher.generator, old, ctx.batch)
        assert values[-1] == pytest.approx(weight * 2 * apart.item())
    assert values[1] == pytest.approx(2 * values[0])


def test_it_moves_shared_parameters_only_in_the_generators_phase() -> None:
    ctx = generator_step(2)
    method = Align(Align.Settings())
    method.before_task(ctx)
    moved(ctx, 0.1)
    method.penalty(ctx).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in ctx.learner.shared().values())
    assert all(p.grad is None for p in ctx.learner.discriminator.parameters())
    ctx.phase = ctx.learner.phases([1])[0]
    assert method.penalty(ctx) is None


def test_a_classifier_has_nothing_to_align() -> None:
    learner, _ = grown(resolve("digits-mlp"))
    with pytest.raises(UsageError, match=r"method align cannot serve .* it serves generators"):
        Align(Align.Settings()).check(learner)
