"""Deep generative replay (Shin et al., NeurIPS 2017)."""

from __future__ import annotations

import torch
from pydantic import Field

from gencl.methods.base import Context
from gencl.methods.replay import mixed, number_replayed
from gencl.methods.teacher import Taught
from gencl.models.learner import Batch
from gencl.settings import Part


class DGR(Taught):
    """Part of each batch is drawn from a frozen copy of the generator, made when the task began.

    Classes are drawn uniformly over all past ones. Half of the batch by default: the paper's share t / (t + 1)
    starves the new class at small batches (design notes). Stores no images, but one more generator while training.

    A classifier needs a generator beside it (``model.generator``), and both learn from the mixed batches, which makes
    them a scholar (section 3). There the previous solver labels what is replayed; here the class that the generator
    was asked for is the label: it also says the task where heads are per task, and keeps the labels balanced. A
    convolutional generator has little to hold on to in permuted pixels, where replay is that much weaker.
    """

    class Settings(Part):
        """The share of replay."""

        share: float = Field(0.5, gt=0, lt=1, description="share of each batch that is replayed")

    moves_old = True
    needs = frozenset({"generate"})
    grid = {"share": (0.25, 0.5, 0.75)}
    settings: Settings

    def extend_batch(self, ctx: Context, batch: Batch) -> Batch:
        if not self._teacher:
            return batch
        assert self._teacher.generator is not None
        classes, latents = self._teacher.draw(number_replayed(self.settings.share, len(batch)), ctx.random)
        with torch.no_grad():
            images = self._teacher.generator(latents, ctx.learner.position[classes])
        return mixed(batch, images, classes)
