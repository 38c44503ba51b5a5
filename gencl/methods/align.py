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

    Each step draws old classes and latents, and pulls what the generator makes of them to what a frozen copy of it,
    made when the task began, made of them (`GenerativeLearner.misalignment`: a GAN's images, a VAE's images and
    posteriors, or velocities at noised images of the copy's pool). Old classes are all that were learned before, also
    those of the present task, unless that has come back whole. The weight grows with t because a fixed number of
    samples has ever more tasks to hold; a GAN's discriminator sees the new classes only. This is distillation, not
    importance: no images are stored, the shared network keeps its size, but training needs one more generator.
    """

    class Settings(Part):
        """Strength and samples."""

        weight: float = Field(4.0, ge=0, le=1e6, description="weight of the misalignment loss, per past task")
        samples: int = Field(16, ge=1, le=65_536, description="samples of past tasks per step, over all processes")

    needs = (GENERATOR,)
    grid = {"weight": (1.0, 2.0, 4.0, 8.0, 16.0)}
    settings: Settings

    def penalty(self, ctx: StepContext) -> Tensor | None:
        if not ctx.phase.moves_shared or not self._teacher:
            return None
        old = self._teacher.draw(ctx.random.share(self.settings.samples), ctx.learner, ctx.random)
        apart = GENERATOR(ctx.learner).misalignment(self._teacher.generator, old, ctx.batch)
        return self.settings.weight * ctx.others * apart
