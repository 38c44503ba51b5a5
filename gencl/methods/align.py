"""Output alignment: the replay alignment of memory replay GANs (Wu et al., NeurIPS 2018, section 3.2)."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from gencl.core.part import Part
from gencl.learners.capabilities import GENERATOR
from gencl.methods.base import StepContext
from gencl.methods.teacher import Taught


class Align(Taught):
    """loss += weight * t * misalignment, where t is the number of other tasks learned before, each counted once.

    When a task begins, the generator is copied and the copy is frozen. Each step draws old classes and latents, and
    pulls the generator's outputs for them towards those of the copy (`GenerativeLearner.misalignment`). The outputs
    are a GAN's images, a VAE's images and posteriors, or velocities at noised images from the copy's pool. Old classes
    are all that were learned before. Those of the present task count too, unless they have come back whole
    (`Task.whole`).

    The weight grows with t because a fixed number of samples must represent ever more tasks. A GAN's discriminator sees
    the new classes only. This is distillation, not importance. It stores no training images and the shared network
    keeps its size, but training needs one more generator.
    """

    class Settings(Part):
        """The weight of the loss, and the number of samples."""

        weight: float = Field(4.0, ge=0, le=1e6, description="weight of the misalignment loss, per past task")
        samples: int = Field(16, ge=1, le=65_536, description="samples of past tasks per step, over all processes")

    needs = (GENERATOR,)
    grid = {"weight": (1.0, 4.0, 16.0, 64.0)}
    settings: Settings

    def penalty(self, ctx: StepContext) -> Tensor | None:
        if not ctx.phase.moves_shared or not self._teacher:
            return None
        old = self._teacher.draw(ctx.random.share(self.settings.samples), ctx.learner, ctx.random)
        apart = GENERATOR(ctx.learner).misalignment(self._teacher.generator, old, ctx.batch)
        return self.settings.weight * ctx.others * apart
