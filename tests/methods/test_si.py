"""The path integral of synaptic intelligence."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gencl.learners.learner import Phase
from gencl.methods.anpyc import ANPyC
from gencl.methods.base import Context, Method
from gencl.methods.composed import Composed
from gencl.methods.si import SI
from gencl.methods.spp import SPP
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
    method.enter_stage(ctx)

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
        method.end_step(ctx)
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
    method.enter_stage(ctx)
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
        method.end_step(ctx)
        for name, p in shared.items():
            exact[name] += p.grad.double() * (before[name] - p.detach()).double()
    for name, path in method.path.items():
        assert (path - exact[name]).abs().mean() < 1e-5 * exact[name].abs().mean()


def test_later_tasks_begin_at_the_anchors() -> None:
    ctx = context(model__hidden="[]", model__heads="domain")
    method = SI(SI.Settings())
    method.before_task(ctx)
    method.enter_stage(ctx)
    assert any(name.startswith("start.") for name in method.state_dict())
    method.after_task(ctx)
    method.before_task(ctx)
    method.enter_stage(ctx)
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


def test_it_starts_where_training_starts() -> None:
    """CLNP sets free weights back when a task begins, after SI's hook: the start is not the anchors then."""
    ctx = context(model__heads="task", tasks=2)
    method = Composed({"si": SI(SI.Settings()), "moving": Moving(None)})
    method.before_task(ctx)
    method.enter_stage(ctx)
    method.after_task(ctx)
    method.before_task(ctx)
    method.enter_stage(ctx)
    si = method.methods[0]
    assert isinstance(si, SI)
    for name, parameter in ctx.learner.shared().items():
        assert torch.equal(si.start[name], parameter) and not torch.equal(si.anchors[name], parameter)
    again = SI(SI.Settings())
    again.load_state_dict(si.state_dict(), ctx.learner)
    assert all(torch.equal(again.start[name], value) for name, value in si.start.items())


class Moving(Method):
    """Moves every shared weight when a task begins."""

    def before_task(self, ctx: Context) -> None:
        for parameter in ctx.learner.shared().values():
            parameter.data.add_(0.1)


@pytest.mark.parametrize("order", [("si", "anpyc"), ("anpyc", "si")])
def test_pruned_weights_have_no_path(order: tuple[str, str]) -> None:
    ctx = context(model__heads="domain")
    shared = ctx.learner.shared()
    made = {"si": SI(SI.Settings()), "anpyc": ANPyC(ANPyC.Settings())}
    method = Composed({name: made[name] for name in order})
    method.before_task(ctx)
    method.enter_stage(ctx)
    si, anpyc = made["si"], made["anpyc"]
    assert isinstance(si, SI) and isinstance(anpyc, ANPyC)
    anpyc.pruned = {name: torch.rand_like(p) < 0.5 for name, p in shared.items() if p.ndim > 1}
    anpyc._hold_at_zero(ctx)
    ctx.phase = Phase("classifier", list(shared.values()), ctx.learner.loss, moves_shared=True)
    ctx.free = {}
    for _ in range(3):
        for parameter in shared.values():
            parameter.grad = torch.randn_like(parameter)
        method.adjust_gradients(ctx)
        with torch.no_grad():
            for parameter in shared.values():
                parameter.sub_(0.1 * parameter.grad)
        method.after_step(ctx)
        method.end_step(ctx)
    for name, mask in anpyc.pruned.items():
        assert not si.path[name][mask].any() and si.path[name][~mask].all()
        assert torch.equal(ctx.free[shared[name]], ~mask)  # what agem projects


def test_the_path_is_of_the_gradient_that_it_has_seen() -> None:
    ctx = context(model__hidden="[]", model__heads="domain")
    si = SI(SI.Settings())
    method, shared = Composed({"spp": SPP(SPP.Settings(consolidation="printed")), "si": si}), ctx.learner.shared()
    ctx.phase = Phase("classifier", list(shared.values()), ctx.learner.loss, moves_shared=True)
    for _ in range(2):  # the printed form acts from the second task on
        method.before_task(ctx)
        method.enter_stage(ctx)
        before = {name: parameter.detach().clone() for name, parameter in shared.items()}
        for parameter in shared.values():
            parameter.grad = torch.ones_like(parameter)
        method.adjust_gradients(ctx)
        with torch.no_grad():
            for parameter in shared.values():
                parameter.sub_(parameter.grad, alpha=0.1)
        method.after_step(ctx)
        method.end_step(ctx)
        path = dict(si.path)
        method.after_task(ctx)
    for name, parameter in shared.items():
        assert torch.allclose(path[name], before[name] - parameter, atol=1e-5)
