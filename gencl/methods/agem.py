"""Averaged gradient episodic memory, A-GEM (Chaudhry et al., ICLR 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor

from gencl.learners.capabilities import CLASSIFIER
from gencl.methods.base import StepContext
from gencl.methods.memory import MemorySettings, Remembering
from gencl.scenarios.batch import Batch


class AGEM(Remembering):
    """To first order, no step may raise the loss on stored images of earlier tasks.

    Let g be the gradient of the step, and r that of the same loss on images drawn from the memory, both over all
    entries of parameters that may move. If g.r < 0, then g <- g - (g.r / r.r) r (Chaudhry et al. eq. 11); otherwise g
    stays as it is. Unlike `ER`, it does not learn from the memory itself. It **stores data**, equally many images of
    each class (`Memory`).
    """

    class Settings(MemorySettings):
        """The size of the memory, and how many images each step draws from it."""

        samples: int = Field(128, ge=1, le=65_536, description="stored images per step, over all processes")

    needs = (CLASSIFIER,)
    grid = {"samples": (32, 64, 128, 256)}
    settings: Settings

    def adjust_gradients(self, ctx: StepContext) -> None:
        if not self._memory or not ctx.phase.moves_shared:
            return
        parameters = list(ctx.phase.parameters)
        reference = self._reference(ctx, parameters)
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        conflict = torch.stack([(g * r).sum() for g, r in zip(gradients, reference, strict=True)]).sum().clamp(max=0)
        size = torch.stack([r.square().sum() for r in reference]).sum()
        share = conflict / size.clamp(min=torch.finfo(size.dtype).tiny)
        for parameter, g, r in zip(parameters, gradients, reference, strict=True):
            parameter.grad = g - share * r  # a new tensor, since other methods may hold the old one

    def _reference(self, ctx: StepContext, parameters: Sequence[Tensor]) -> list[Tensor]:
        """Return the gradient of the phase's loss on stored images, averaged over all processes."""
        n = ctx.random.share(self.settings.samples)
        images, classes = self._memory.draw(n, ctx.task, ctx.random)
        batch = Batch(images, classes, tasks=tuple(range(ctx.task.parts[0].index)))
        loss = ctx.phase.loss(batch, ctx.step, ctx.random)
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        reference = [torch.zeros_like(p) if r is None else r for p, r in zip(parameters, gradients, strict=True)]
        ctx.processes.average(reference)
        return [r * ctx.free[p] if p in ctx.free else r for p, r in zip(parameters, reference, strict=True)]
