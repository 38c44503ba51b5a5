"""Fisher information against closed forms, and what EWC makes of several tasks."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gencl.methods.base import Context
from gencl.methods.consolidation import samples
from gencl.methods.ewc import EWC
from gencl.methods.ewc_online import OnlineEWC
from tests.conftest import context

pytestmark = pytest.mark.numeric

WEIGHT, BIAS = "head.0.weight", "head.0.bias"


def linear_softmax(n: int) -> tuple[Context, Tensor, Tensor, Tensor]:
    """One layer from pixels to two classes, which is shared: its context, n inputs, targets and predictions."""
    ctx = context(model__hidden="[]", model__heads="domain")
    batch = samples(ctx, EWC.Settings(samples=n)).rows(slice(None))
    inputs = batch.inputs.flatten(1)
    p = ctx.learner.head[0](inputs).softmax(1).detach()
    return ctx, inputs, batch.classes, p


@pytest.mark.parametrize("n", [1, 50])
def test_exact_fisher_of_a_linear_softmax(n: int) -> None:
    """For logits W x + b: F(W_ki) = mean_n p_k (1 - p_k) x_i^2, summed over targets with their probability."""
    ctx, inputs, _, p = linear_softmax(n)
    fisher = EWC(EWC.Settings(fisher="exact", samples=n)).measure(ctx)
    spread = p * (1 - p)
    assert torch.allclose(fisher[WEIGHT], spread.T @ inputs.square() / n, rtol=1e-4, atol=1e-10)
    assert torch.allclose(fisher[BIAS], spread.mean(0), rtol=1e-4)


def test_empirical_fisher_of_a_linear_softmax() -> None:
    """(onehot(y) - p)^2 x^2, with the true y."""
    ctx, inputs, classes, p = linear_softmax(50)
    residual = (F.one_hot(classes, 2) - p).square()
    fisher = EWC(EWC.Settings(fisher="empirical", samples=50)).measure(ctx)
    assert torch.allclose(fisher[WEIGHT], residual.T @ inputs.square() / 50, rtol=1e-4, atol=1e-10)


def test_sampled_fisher_nears_the_exact_one() -> None:
    ctx = context(data__limit=200)
    exact = EWC(EWC.Settings(fisher="exact")).measure(ctx)
    fisher = EWC(EWC.Settings(fisher="sampled", samples=20_000)).measure(ctx)
    for name in exact:
        assert abs(float(fisher[name].sum() / exact[name].sum()) - 1) < 0.1


def test_other_tasks_heads_have_no_part_in_it() -> None:
    """With a head per task the target is one of the task's own classes: the sum over targets has two terms."""
    ctx = context(tasks=3)
    batch = samples(ctx, EWC.Settings(samples=4)).rows(slice(None))
    targets = list(ctx.learner.possible_targets(batch))
    assert len(targets) == 2
    assert torch.allclose(torch.stack([belief for _, belief in targets]).sum(0), torch.ones(4))
    assert {int(c) for target, _ in targets for c in target.classes} == set(ctx.task.classes)


def test_a_term_a_task_as_one_quadratic() -> None:
    """The gradient of sum_t F_t (W - W_t)^2 is that of what EWC keeps: one importance, one anchor."""
    torch.manual_seed(0)
    fishers, anchors = torch.rand(3, 5), torch.randn(3, 5)
    fishers[:, 0] = 0  # never important: the anchor is the last one's and nothing is divided by zero
    method = EWC(EWC.Settings())
    for fisher, anchor in zip(fishers, anchors, strict=True):
        method.combine({"w": fisher.clone()}, {"w": anchor})
    weight = torch.randn(5)
    separate = (2 * fishers * (weight - anchors)).sum(0)
    assert torch.allclose(2 * method.importance["w"] * (weight - method.anchors["w"]), separate, atol=1e-5)
    assert method.anchors["w"][0] == anchors[2, 0]


def test_online_ewc_fades_and_anchors_at_the_last_task() -> None:
    method = OnlineEWC(OnlineEWC.Settings(gamma=0.5))
    for value in (1.0, 2.0, 4.0):
        method.combine({"w": torch.tensor([value])}, {"w": torch.tensor([10 * value])})
    assert method.importance["w"].item() == 0.25 * 1 + 0.5 * 2 + 4
    assert method.anchors["w"].item() == 40
