"""The path integral of synaptic intelligence."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gencl.methods.si import SI
from gencl.models.learner import Phase
from tests.conftest import context

pytestmark = pytest.mark.numeric


def walk(consolidation: str, steps: int = 400, lr: float = 1e-3, second_task: bool = False) -> tuple[Tensor, SI, float]:
    """Plain gradient descent on sum (w - 3)^2 / 2 over the shared bias of one layer; returns how much the loss fell."""
    ctx = context(model__hidden="[]", model__heads="domain")
    shared = ctx.learner.shared()
    method = SI(SI.Settings(**{"lambda": 2.0, "consolidation": consolidation}))
    ctx.phase, ctx.lr = Phase("classifier", list(shared.values()), ctx.learner.loss, moves_shared=True), lr
    if second_task:
        method.importance = {name: torch.ones_like(p) for name, p in shared.items()}
        method.anchors = {name: p.detach().clone() for name, p in shared.items()}
    method.before_task(ctx)

    def loss() -> Tensor:
        return torch.stack([(p - 3).square().sum() / 2 for p in shared.values()]).sum()

    before = float(loss().detach())
    for _ in range(steps):
        for parameter in shared.values():
            parameter.grad = None
        penalty = method.penalty(ctx)
        (loss() if penalty is None else loss() + penalty).backward()
        method.adjust_gradients(ctx)
        with torch.no_grad():
            for parameter in shared.values():
                parameter.sub_(lr * parameter.grad)
        method.after_step(ctx)
    fallen = torch.stack([path.sum() for path in method.path.values()]).sum()
    return fallen, method, before - float(loss().detach())


@pytest.mark.parametrize("consolidation", ["proximal", "loss"])
@pytest.mark.parametrize("second_task", [False, True])
def test_it_adds_up_to_the_fall_of_the_task_loss(consolidation: str, second_task: bool) -> None:
    """On a quadratic with small steps; the penalty of earlier tasks has no part in it, whatever its form."""
    integral, _, fall = walk(consolidation, second_task=second_task)
    assert abs(float(integral) / fall - 1) < 2e-3


def test_it_is_as_exact_as_with_copies_of_the_weights() -> None:
    """Against a sum of doubles, over many small steps."""
    ctx = context(model__heads="domain")
    shared, random = ctx.learner.shared(), torch.Generator().manual_seed(0)
    method = SI(SI.Settings())
    ctx.phase = Phase("classifier", list(shared.values()), ctx.learner.loss, moves_shared=True)
    method.before_task(ctx)
    exact = {name: torch.zeros_like(p, dtype=torch.float64) for name, p in shared.items()}
    for _ in range(300):
        before = {name: p.detach().clone() for name, p in shared.items()}
        for parameter in shared.values():
            parameter.grad = torch.randn(parameter.shape, generator=random) * 0.01
        method.adjust_gradients(ctx)
        with torch.no_grad():
            for parameter in shared.values():
                parameter.sub_(1e-2 * parameter.grad)
        method.after_step(ctx)
        for name, p in shared.items():
            exact[name] += p.grad.double() * (before[name] - p.detach()).double()
    for name, path in method.path.items():
        assert (path - exact[name]).abs().mean() < 1e-5 * exact[name].abs().mean()


def test_later_tasks_begin_at_the_anchors() -> None:
    ctx = context(model__hidden="[]", model__heads="domain")
    method = SI(SI.Settings())
    method.before_task(ctx)
    assert any(name.startswith("start.") for name in method.state_dict())
    method.after_task(ctx)
    method.before_task(ctx)
    for name, parameter in ctx.learner.shared().items():
        assert torch.equal(method.start[name], parameter)
    stored = method.state_dict()
    assert not any(name.startswith("start.") for name in stored)  # as they are stored once already
    again = SI(SI.Settings())
    again.load_state_dict(stored, ctx.learner)
    assert again.start is again.anchors and again.start.keys() == method.start.keys()


def test_importance_is_damped_and_never_negative() -> None:
    _, method, _ = walk("proximal", steps=5)
    ctx = context(model__hidden="[]", model__heads="domain")
    name = "head.0.bias"
    method.path[name] = torch.tensor([-1.0, 1.0])
    method.start[name] = ctx.learner.shared()[name].detach() - 0.5
    assert torch.allclose(method.measure(ctx)[name], torch.tensor([0.0, 1 / (0.25 + 0.1)]))
