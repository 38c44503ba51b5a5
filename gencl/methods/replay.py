"""Mixing old samples into a batch: the part that generative replay and experience replay share."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from gencl.core.part import Part
from gencl.core.randomness import RandomSource
from gencl.scenarios.batch import Batch


class ReplaySettings(Part):
    """How much is replayed."""

    share: float = Field(0.5, gt=0, lt=1, description="share of each batch that is replayed, in place of new images")
    extra: int | None = Field(
        None, ge=1, le=65_536, description="replayed samples added to each batch, over all processes, instead of share"
    )
    later: ClassVar[tuple[str, ...]] = ("extra",)

    def number(self, batch: Batch, random: RandomSource) -> int:
        """Return how many samples this process replays beside its part of a batch."""
        if self.extra is not None:
            return max(1, self.extra // random.world)
        most = max(len(batch) - 1, 0)  # some of both, where there is room
        return min(max(round(self.share * len(batch)), 1), most)

    def mixed(self, batch: Batch, images: Tensor, classes: Tensor, beliefs: Tensor | None = None) -> Batch:
        """Return the batch with old samples at its end, images (m, c, h, w) in [0, 1] of ``classes`` (m,).

        They replace its last rows, so that every method sees as many samples per step, or with ``extra`` are added to
        it. ``beliefs`` (m, columns) are their targets where these are probabilities (`Classifier.loss`).
        """
        kept = batch if self.extra is not None else batch.rows(slice(len(batch) - len(classes)))
        tasks = tuple(range(max(batch.tasks) + 1)) if batch.tasks else ()
        inputs, both = torch.cat([kept.inputs, images]), torch.cat([kept.classes, classes])
        mixed = replace(kept, inputs=inputs, classes=both, tasks=tasks, index=None)
        if beliefs is None:
            return mixed
        return mixed.having(beliefs=torch.cat([beliefs.new_zeros(len(kept), beliefs.shape[1]), beliefs]))
