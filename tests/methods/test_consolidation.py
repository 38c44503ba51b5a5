"""Consolidation as pure functions of tensors, and as it acts within a run."""

from __future__ import annotations

import warnings

import pytest
import torch
import torch.nn.functional as F
from torch.nn import Parameter

import gencl
from gencl.errors import GenclError
from gencl.methods.base import Context
from gencl.methods.consolidation import proximal_step, proximal_weights, quadratic_penalty, scaled_to_mean_one
from gencl.methods.ewc import EWC
from gencl.methods.mas import MAS
from gencl.methods.spp import SPP
from gencl.models.learner import Batch
from gencl.processes import Processes
from gencl.randomness import RandomSource
from tests.conftest import grown


def context(preset: str = "digits-mlp", **settings: object) -> Context:
    found = gencl.resolve(preset, assignments=[f"{k.replace('__', '.')}={v}" for k, v in settings.items()])
    learner, scenario = grown(found)
    return Context(learner, scenario.tasks[0], False, 0, found.train, Processes(), RandomSource(0), lr=0.1)


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


def test_fisher_of_a_linear_softmax_in_closed_form() -> None:
    """For logits W x: dlog p(y|x)/dW = (onehot(y) - p) x^T, so the Fisher's diagonal is E[(onehot(y) - p)^2
    (x^2)^T]."""
    ctx = context(model__hidden="[4]")
    method = EWC(EWC.Settings(fisher="true"))
    learner = ctx.learner
    learner.trunk = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 4))
    learner.head[0] = torch.nn.Identity()  # the trunk's outputs are the logits of four classes
    learner.rivals = torch.ones(4, 4, dtype=torch.bool)
    batch = Batch(torch.rand(6, 1, 28, 28), torch.tensor([0, 1, 1, 0, 1, 0]))
    found = method.measure(ctx, batch)["trunk.1.weight"]
    x = batch.images.flatten(1)
    residual = F.one_hot(batch.classes, 4) - learner.trunk(x).softmax(1).detach()
    assert torch.allclose(found, residual.square().T @ x.square() / 6, rtol=1e-4, atol=1e-9)


def test_mas_takes_absolute_values_per_sample() -> None:
    ctx = context()
    batch = ctx.learner.probe(ctx.task, 7, RandomSource(1))
    together = MAS(MAS.Settings()).measure(ctx, batch)
    single = [MAS(MAS.Settings()).measure(ctx, batch.rows(slice(i, i + 1))) for i in range(7)]
    for name, value in together.items():
        assert torch.allclose(value, torch.stack([one[name] for one in single]).mean(0), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("phi", ["abs", "relu"])
def test_entropy_importance_is_the_change_when_a_weight_is_removed(phi: str) -> None:
    """Against single samples: mean_n phi(-g_n W), and with the second order mean_n phi(-g_n W + g_n^2 W^2 / 2)."""
    ctx = context("digits-cgan", model__width=4)
    batch = ctx.learner.probe(ctx.task, 5, RandomSource(1))
    shared = ctx.learner.shared()
    name = "generator.trunk.2.weight"
    gradients = torch.stack([
        torch.autograd.grad(ctx.learner.scalars("entropy", batch.rows(slice(i, i + 1))).sum(), shared[name])[0]
        for i in range(5)
    ])  # fmt: skip
    removed = -gradients * shared[name].detach()
    how = torch.abs if phi == "abs" else torch.relu
    for order, change in ((1, removed), (2, removed + removed.square() / 2)):
        found = SPP(SPP.Settings(phi=phi, order=order)).measure(ctx, batch)[name]
        wanted = how(change).mean(0)
        assert (found - wanted).abs().max() < 1e-4 * wanted.max()


def test_relative_importance_is_finite_where_weights_are_zero() -> None:
    ctx = context("digits-cgan", model__width=4)
    batch = ctx.learner.probe(ctx.task, 5, RandomSource(1))
    with torch.no_grad():
        for parameter in ctx.learner.shared().values():
            parameter.zero_()
    measured = SPP(SPP.Settings(relative=0.3)).measure(ctx, batch)
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
    with pytest.warns(UserWarning, match="diverges"):
        method.before_task(ctx)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SPP(SPP.Settings(**{"lambda": 100.0})).before_task(ctx)
