"""Measurements of a classifier on data: its accuracy and the mean activations of its units."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor

from gencl.datasets.dataset import Split
from gencl.learners.classifier import Classifier
from gencl.learners.learner import predicting
from gencl.learners.networks.trunk import Layered

_AT_ONCE = 1000
"""Images per forward pass."""


def _batches(data: Split, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    for rows in torch.arange(len(data), device=data.labels.device).split(size):
        yield data.take(rows).float() / 255, data.labels[rows]


@torch.no_grad()
def accuracy(learner: Classifier, data: Split, batch_size: int = _AT_ONCE) -> float:
    """Return the share of images that are classified correctly; 0 if there are no images."""
    right = 0
    with predicting(learner):
        for images, labels in _batches(data, batch_size):
            right += int((learner.predict(images, labels) == labels).sum())
    return right / max(1, len(data))


@torch.no_grad()
def mean_activations(learner: Classifier, data: Split) -> list[Tensor]:
    """Return each hidden unit's mean activation over images and positions, before gates: (units,) per layer."""
    hidden = cast(Layered, learner.trunk).activations()
    totals: list[Tensor] = [torch.zeros(())] * len(hidden)

    def keep(number: int, output: Tensor) -> None:
        totals[number] = totals[number] + (output.flatten(2).mean(2) if output.ndim > 2 else output).sum(0)

    hooks = [
        layer.register_forward_hook(lambda _, __, output, number=number: keep(number, output))
        for number, layer in enumerate(hidden)
    ]
    try:
        with predicting(learner):
            for images, labels in _batches(data, _AT_ONCE):
                learner.predict(images, labels)
    finally:
        for hook in hooks:
            hook.remove()
    return [total / len(data) for total in totals]
