"""Mixing old samples into a batch: the part that generative replay and experience replay share."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from gencl.models.learner import Batch


def number_replayed(share: float, size: int) -> int:
    """How many of a batch of ``size`` are replayed: some of both, where there is room."""
    return min(max(round(share * size), 1), size - 1)


def mixed(batch: Batch, images: Tensor, classes: Tensor) -> Batch:
    """The batch with its last rows replaced by old samples, images (m, c, h, w) in [0, 1] of ``classes`` (m,).

    The batch keeps its size, so that every method sees as many samples a step.
    """
    kept = batch.rows(slice(len(batch) - len(classes)))
    tasks = tuple(range(max(batch.tasks) + 1)) if batch.tasks else ()
    both = {"images": torch.cat([kept.images, images]), "classes": torch.cat([kept.classes, classes])}
    return replace(kept, **both, tasks=tasks, index=None)
