"""A classifier's predicted probabilities on many images, in chunks and without gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gencl.learners.learner import predicting
from gencl.scenarios.batch import Batch

if TYPE_CHECKING:
    from gencl.learners.classifier import Classifier

_CHUNK = 500
"""Images per forward pass."""


@torch.no_grad()
def beliefs_of(learner: Classifier, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return a classifier's probabilities (n, columns), and the class of each column (n, columns)."""
    tasks = learner.range_of(batch.tasks, learner.position[batch.classes])
    chunks, classes = [], torch.tensor(learner.classes, device=batch.classes.device)
    with predicting(learner):
        for start in range(0, len(batch), _CHUNK):
            some = batch.rows(slice(start, start + _CHUNK))
            positions = learner.position[some.classes]
            scores, right = learner.logits(some.inputs, positions, tasks)
            columns = torch.arange(scores.shape[1], device=scores.device)[None, :] + (positions - right)[:, None]
            chunks.append((scores.softmax(1), classes[columns.clamp(0, len(classes) - 1)]))
    beliefs, columns = (torch.cat(parts) for parts in zip(*chunks, strict=True))
    return beliefs, columns
