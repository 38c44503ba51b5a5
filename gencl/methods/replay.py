"""Mixing old samples into a batch, for generative replay and experience replay."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from gencl.core.part import Part
from gencl.core.randomness import RandomSource
from gencl.scenarios.batch import Batch


class ReplaySettings(Part):
    """The amount of replay."""

    share: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="share of each batch that is replayed in place of new images, in whole images per process",
    )
    extra: int | None = Field(
        None,
        ge=1,
        le=65_536,
        description="number of replayed samples added to each batch, over all processes; replaces share",
    )
    later: ClassVar[tuple[str, ...]] = ("extra",)

    @property
    def smallest_batch(self) -> int:
        """Images in a process's part of a batch, of which at least one is new, and one old unless it is added."""
        return 1 if self.extra else 2

    def number(self, batch: Batch, random: RandomSource) -> int:
        """Return how many samples this process replays in its part of a batch."""
        if self.extra is not None:
            return random.share(self.extra)
        new = len(batch) - batch.replayed
        most = max(new - 1, 0)  # at least one old and one new, if there is room
        return min(max(round(self.share * new), 1), most)

    def mixed(self, batch: Batch, images: Tensor, classes: Tensor, beliefs: Tensor | None = None) -> Batch:
        """Return the batch with old samples at its end, images (m, c, h, w) in [0, 1] of ``classes`` (m,).

        They replace the last of the new rows, so that every method sees equally many samples per step. With the setting
        ``extra`` they are added instead. Rows that another method mixed in stay. ``beliefs`` (m, columns) are their
        targets where these are probabilities (`Classifier.loss`). Other tensors in `Batch.extra` are 0 for old samples.
        """
        kept = batch if self.extra is not None else _without(batch, len(classes))
        more = dict(kept.extra)
        if beliefs is not None:
            more.setdefault("beliefs", beliefs.new_zeros(len(kept), beliefs.shape[1]))
        old = {name: value.new_zeros(len(classes), *value.shape[1:]) for name, value in more.items()}
        old |= {} if beliefs is None else {"beliefs": beliefs}
        return Batch(
            torch.cat([kept.inputs, images]),
            torch.cat([kept.classes, classes]),
            tasks=tuple(range(max(batch.tasks) + 1)) if batch.tasks else (),
            extra={name: torch.cat([value, old[name]]) for name, value in more.items()},
            replayed=batch.replayed + len(classes),
        )


def _without(batch: Batch, n: int) -> Batch:
    """Return the batch without the last n of its new rows, which come before the old ones."""
    new = len(batch) - batch.replayed
    if not batch.replayed:
        return batch.rows(slice(new - n))
    rows = torch.arange(len(batch) - n, device=batch.classes.device)
    return batch.rows(torch.where(rows < new - n, rows, rows + n))
