"""Consolidation as pure functions of tensors, and as it acts within a run."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch.nn import Parameter

from gencl.core.errors import GenclError, UsageError
from gencl.core.randomness import RandomSource
from gencl.methods.anpyc import ANPyC
from gencl.methods.consolidation import proximal_step, proximal_weights, quadratic_penalty, samples, scaled_to_mean_one
from gencl.methods.ewc import EWC
from gencl.methods.l2 import L2
from gencl.methods.mas import MAS
from gencl.methods.spp import SPP
from gencl.presets import resolve
from tests.conftest import context, grown

pytestmark = pytest.mark.numeric


def test_penalty_is_zero_at_the_anchor_and_has_the_right_gradient() -> None:
    weight, anchor, omega = Parameter(torch.tensor([1.0, 2.0])), torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
    assert quadratic_penalty([weight], [anchor], [omega]).item() == 0
    with torch.no_grad():
        weight += torch.tensor([0.5, -1.0])
    (5 * quadratic_penalty([weight], [anchor], [omega])).backward()
    assert torch.allclose(weight.grad, 2 * 5 * omega * (weight - anchor).detach())


@pytest.mark.parametrize("strength", [0.0, 0.3, 1e12])
def test_proximal_step_minimises_the_term_around_the_step(strength: float) -> None:
    weight, anchor, omega = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 3.0]), torch.tensor([2.0, 0.0])
    moved = Parameter(weight.clone())
    proximal_step([moved], [anchor], proximal_weights([omega], strength))
    pull = strength * omega
    assert torch.allclose(moved.detach(), (weight + pull * anchor) / (1 + pull))
    assert moved[1] == weight[1]  # what is not important is free
    # stationary point of |W - weight|^2 / 2 + strength / 2 * Omega (W - anchor)^2
    if strength < 1e6:
        slope = (moved.detach() - weight) + pull * (moved.detach() - anchor)
        assert slope.abs().max() < 1e-6


def test_importance_is_scaled_to_mean_one_over_all_tensors() -> None:
    scaled = scaled_to_mean_one({"a": torch.tensor([1.0, 3.0]), "b": torch.tensor([[0.0, 0.0]])})
    assert torch.cat([value.flatten() for value in scaled.values()]).mean() == 1
    zeros = scaled_to_mean_one({"a": torch.zeros(3)})
    assert torch.equal(zeros["a"], torch.zeros(3))
    with pytest.raises(GenclError, match="finite"):
        scaled_to_mean_one({"a": torch.tensor([float("nan")])})


def test_mas_takes_absolute_values_per_sample() -> None:
    ctx = context()
    method = MAS(MAS.Settings(samples=7))
    together, batch = method.measure(ctx), samples(ctx, method.settings).rows(slice(None))
    shared = ctx.learner.shared()
    single = []
    for i in range(7):
        scalar = ctx.learner.scalars("sensitivity", batch.rows(slice(i, i + 1)), RandomSource(0)).sum()
        single.append([g.abs() for g in torch.autograd.grad(scalar, list(shared.values()))])
    for k, value in enumerate(together.values()):
        assert torch.allclose(value, torch.stack([one[k] for one in single]).mean(0), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("phi", ["abs", "relu"])
def test_entropy_importance_is_the_change_when_a_weight_is_removed(phi: str) -> None:
    """Against single samples: mean_n phi(-g_n W), and with the second order mean_n phi(-g_n W + g_n^2 W^2 / 2)."""
    ctx = context("digits-cgan", model__width=4)
    batch = samples(ctx, SPP.Settings(samples=5)).rows(slice(None))
    shared = ctx.learner.shared()
    name = "generator.trunk.2.weight"
    gradients = torch.stack([
        torch.autograd.grad(
            ctx.learner.scalars("entropy", batch.rows(slice(i, i + 1)), RandomSource(0)).sum(), shared[name]
        )[0]
        for i in range(5)
    ])  # fmt: skip
    removed = -gradients * shared[name].detach()
    how = torch.abs if phi == "abs" else torch.relu
    for order, change in ((1, removed), (2, removed + removed.square() / 2)):
        importance = SPP(SPP.Settings(phi=phi, order=order, samples=5)).measure(ctx)[name]
        wanted = how(change).mean(0)
        assert (importance - wanted).abs().max() < 1e-4 * wanted.max()


def test_the_papers_literal_readings() -> None:
    """eq. 7 of the mean entropy's gradient; the released code's sums over 100 samples, which depend on that number."""
    ctx = context()
    batch = samples(ctx, SPP.Settings(samples=150)).rows(slice(None))
    name, shared = "trunk.hidden.1.linear.weight", ctx.learner.shared()
    entropy, weight = ctx.learner.scalars("entropy", batch, RandomSource(0)), shared[name]
    sums = [torch.autograd.grad(part.sum(), weight, retain_graph=True)[0] for part in entropy.split(100)]
    mean = torch.autograd.grad(entropy.mean(), weight)[0]
    paper = torch.relu(-mean * weight + (mean * weight).square() / 2)
    official = sum(torch.relu(g * weight + (g * weight).square() / 2) for g in sums)
    for form, wanted in (("paper", paper), ("official", official)):
        importance = SPP(SPP.Settings(form=form, samples=150)).measure(ctx)[name]
        assert (importance - wanted).abs().max() <= 1e-4 * wanted.max()


def test_relative_importance_is_finite_where_weights_are_zero() -> None:
    ctx = context("digits-cgan", model__width=4)
    with torch.no_grad():
        for parameter in ctx.learner.shared().values():
            parameter.zero_()
    measured = SPP(SPP.Settings(relative=0.3, samples=5)).measure(ctx)
    assert all((value == 0).all() for value in measured.values())


def test_heads_and_other_tasks_get_no_importance() -> None:
    ctx = context()
    method = EWC(EWC.Settings(**{"lambda": 1.0}))
    method.after_task(ctx)
    assert set(method.importance) == set(ctx.learner.shared())
    assert not any(name.startswith("head") for name in method.importance)


def test_loss_form_warns_before_it_diverges() -> None:
    ctx = context()
    method = SPP(SPP.Settings(**{"lambda": 100.0, "consolidation": "loss"}))
    method.after_task(ctx)
    with pytest.warns(UserWarning, match="exceeds .* diverges"):
        method.before_task(ctx)
    largest = max(value.max() for value in method.importance.values())
    strength = float(0.8 * (1 + ctx.train.momentum) / ctx.train.lr / largest)
    near = SPP(SPP.Settings(**{"lambda": strength, "consolidation": "loss"}))
    near.importance = method.importance
    with pytest.warns(UserWarning, match="nears .* diverges"):
        near.before_task(ctx)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SPP(SPP.Settings(**{"lambda": 100.0})).before_task(ctx)
        least = min(method.importance, key=lambda name: float(method.importance[name].max()))
        method.importance[least].zero_()
        unmoved = SPP(SPP.Settings(**{"lambda": 100.0, "consolidation": "loss", "protect": [least]}))
        unmoved.importance = method.importance
        unmoved.before_task(ctx)


def test_only_what_is_protected_is_pulled_back() -> None:
    ctx = context(model__heads="domain")
    names = list(ctx.learner.shared())
    method = MAS(MAS.Settings(**{"lambda": 1e6, "samples": 5, "protect": ["trunk.*.weight"]}))
    method.check(ctx.learner)
    method.after_task(ctx)
    assert sorted(method.importance) == sorted(names)  # all are measured
    ctx.phase = ctx.learner.phases([0])[0]
    before = {name: p.detach().clone() for name, p in ctx.learner.shared().items()}
    with torch.no_grad():
        for parameter in ctx.learner.shared().values():
            parameter.add_(1.0)
    method.after_step(ctx)
    for name, parameter in ctx.learner.shared().items():
        pulled = not torch.equal(parameter.detach(), before[name] + 1)
        assert pulled == (name.startswith("trunk.") and name.endswith(".weight")), name


def test_protecting_what_is_not_there_is_refused() -> None:
    ctx = context()
    with pytest.raises(UsageError, match=r"no shared parameter is called 'encoder\.\*'; there are: trunk"):
        MAS(MAS.Settings(protect=["trunk.*", "encoder.*"])).check(ctx.learner)


def test_a_head_that_comes_with_the_first_task_can_be_protected() -> None:
    learner, scenario = grown(resolve("digits-mlp", assignments=["model.heads=domain"]), tasks=0)
    MAS(MAS.Settings(protect=["head.*"])).check(learner, scenario.tasks)
    assert not learner.classes
    with pytest.raises(UsageError, match=r"no shared parameter is called 'tail\.\*'"):
        MAS(MAS.Settings(protect=["tail.*"])).check(learner, scenario.tasks)


def test_importance_may_be_taken_as_measured() -> None:
    ctx = context(tasks=1)
    scaled, plain = (EWC(EWC.Settings(scale=scale)) for scale in ("mean", "none"))
    for method in (scaled, plain):
        method.after_task(ctx)
    mean = torch.cat([value.flatten() for value in plain.importance.values()]).double().mean()
    for name, value in plain.importance.items():
        assert torch.allclose(value / mean, scaled.importance[name], rtol=1e-4, atol=1e-6)
    assert "scale" not in scaled.settings.model_dump() and plain.settings.model_dump()["scale"] == "none"


def test_uniform_rigidity_pulls_to_the_mean_of_all_anchors() -> None:
    method, ctx = L2(L2.Settings()), context(model__hidden=[4])
    shared = ctx.learner.shared()
    first = {name: parameter.detach().clone() for name, parameter in shared.items()}
    method.after_task(ctx)
    with torch.no_grad():
        for parameter in shared.values():
            parameter.add_(1)
    method.after_task(ctx)
    for name, value in first.items():
        assert torch.equal(method.importance[name], torch.full_like(value, 2))
        assert torch.allclose(method.anchors[name], value + 0.5, atol=1e-6)


def test_the_momentum_of_anpyc_as_printed() -> None:
    method, ctx = SPP(SPP.Settings(consolidation="printed", lambda_=0.5)), context(model__hidden=[4])
    method.after_task(ctx)
    (phase,) = ctx.learner.phases([0])
    step = ctx.within(phase, samples(ctx, SPP.Settings(samples=2)))
    shared = ctx.learner.shared()
    with torch.no_grad():
        for parameter in shared.values():
            parameter.add_(1).grad = torch.ones_like(parameter)
    method.adjust_gradients(step)
    assert method.penalty(step) is None
    for name, parameter in shared.items():
        anchor, omega = method.anchors[name], method.importance[name]
        assert torch.allclose(parameter.grad, 1 + 0.5 * (anchor - omega * parameter.detach()), atol=1e-5)


def test_the_saliency_of_the_labelled_error() -> None:
    method, ctx = ANPyC(ANPyC.Settings(score="loss")), context(model__hidden=[4])
    weights = {name: parameter.detach() for name, parameter in ctx.learner.shared().items()}
    batch, name = samples(ctx, method.settings).rows(slice(None)), "trunk.hidden.0.linear.weight"
    scalars = -ctx.learner.scalars("likelihood", batch, RandomSource(0))
    weight = ctx.learner.shared()[name]
    each = torch.stack([torch.autograd.grad(one, weight, retain_graph=True)[0] for one in scalars])
    wanted = -each.mean(0) * weights[name] + each.square().mean(0) * weights[name].square() / 2
    assert torch.allclose(method._scores(ctx, weights)[name], wanted, atol=1e-6) and (wanted < 0).any()
