"""Output alignment on the VAE: how far its images and its posteriors are from its teacher's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gencl.learners.networks.vae import VAEGenerator
from gencl.learners.vae import VAE
from gencl.methods.align import Align
from gencl.scenarios.batch import Batch
from tests.conftest import context
from tests.learners.small_vae import vae

pytestmark = pytest.mark.numeric


def moved(learner: VAE, names: str) -> None:
    with torch.no_grad():
        for name, parameter in learner.shared().items():
            if names in name:
                parameter.add_(0.05 * torch.randn_like(parameter))


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_misalignment_is_nothing_for_the_teacher_and_pulls_both_sides(part: str) -> None:
    torch.manual_seed(0)
    learner = vae(classes=((0,), (1, 2), (3,)))
    teacher = learner.frozen_generator()
    batch = Batch(torch.rand(5, 1, 28, 28), torch.full((5,), 3), tasks=(2,))
    old = Batch(torch.zeros(3, 0), torch.tensor([2, 0, 1]), extra={"latents": learner.latents(3, 0)})
    assert float(learner.misalignment(teacher, old, batch).detach()) == 0
    moved(learner, f"generator.{part}")
    apart = learner.misalignment(teacher, old, batch)
    apart.backward()
    assert apart.detach() > 0
    for name, parameter in learner.shared().items():
        assert (parameter.grad is not None and parameter.grad.abs().max() > 0) == (f"generator.{part}" in name)


def test_misalignment_is_the_formula() -> None:
    torch.manual_seed(0)
    learner = vae(classes=((0,), (1,)))
    teacher = learner.frozen_generator()
    assert isinstance(teacher, VAEGenerator)
    moved(learner, "")
    batch = Batch(torch.rand(4, 1, 28, 28), torch.ones(4, dtype=torch.long))
    classes, latents = torch.zeros(3, dtype=torch.long), learner.latents(3, 0)
    drawn = teacher(latents, classes)

    def posterior(images: Tensor) -> Tensor:
        (mean, log_variance), (old, old_log_variance) = (g.encoder(images, 0) for g in (learner.generator, teacher))
        moved = (mean - old) ** 2 / old_log_variance.exp()
        apart: Tensor = (moved + (log_variance - old_log_variance) ** 2 / 2).sum(1).mean() / 8
        return apart

    pixels = ((learner.generate(classes, latents) - drawn) ** 2).sum((1, 2, 3)).mean()
    wanted = pixels + posterior(drawn) + posterior(batch.inputs)
    old = Batch(torch.zeros(3, 0), classes, extra={"latents": latents})
    assert learner.misalignment(teacher, old, batch).allclose(wanted)


def test_align_holds_an_old_task() -> None:
    """Some steps on a second digit: with alignment the first one's drawings stay nearer to what they were."""
    apart = {}
    for weight in (0.0, 400.0):
        ctx = context("digits-vae", 2, model__width=4)
        learner = ctx.learner
        assert isinstance(learner, VAE)
        method = Align(Align.Settings(weight=weight))
        method.before_task(ctx)
        (ctx.phase,) = learner.phases([1])
        ctx.batch = Batch(ctx.task.train.images[:32].float() / 255, ctx.task.train.labels[:32], tasks=(1,))
        optimizer = torch.optim.Adam(ctx.phase.parameters, 0.002)
        classes, latents = torch.zeros(32, dtype=torch.long), learner.latents(32, 0)
        before = learner.generate(classes, latents).detach()
        for step in range(20):
            penalty = method.penalty(ctx)
            assert penalty is not None
            optimizer.zero_grad()
            (learner.loss(learner.drawn(ctx.batch, ctx.random), step, ctx.random) + penalty).backward()
            optimizer.step()
        apart[weight] = float((learner.generate(classes, latents) - before).detach().square().mean())
    assert apart[400.0] < apart[0.0] / 2
