"""Which samples and which learning rate each step of a task uses: functions of the step alone, so that a resumed run
agrees."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gencl.core.randomness import permutation
from gencl.core.settings import TrainSettings
from gencl.methods.base import Stage


def steps(settings: TrainSettings, images: int, task: int) -> int:
    """The optimiser steps of the task at this place (0-based) with so many training images."""
    factor = settings.first if task == 0 else 1.0
    passes = settings.epochs
    wanted = settings.steps if passes is None else math.ceil(passes * images / settings.batch_size)
    return max(1, round(factor * wanted))


def learning_rate(settings: TrainSettings, step: int, steps: int) -> float:
    """Flat for a share of the task's steps, then linear down to ``lr_end`` of it at the last step."""
    flat = settings.lr_flat * steps
    if step < flat:
        return settings.lr
    fallen = (step + 1 - flat) / max(1.0, steps - flat)
    return settings.lr * (1 - (1 - settings.lr_end) * min(1.0, fallen))


def stage_ends(stages: list[Stage], steps: int) -> list[int]:
    """The step at which each stage ends; the last ends with the task. Every step belongs to one stage."""
    ends, share = [], 0.0
    for stage in stages:
        share += stage.share
        ends.append(round(share * steps))
    return [*ends[:-1], steps]


class Order:
    """The order in which a task's n samples are visited: one permutation after another, cut into batches."""

    def __init__(self, n: int, batch_size: int, *seed: object) -> None:
        self._n, self._batch_size, self._seed = n, batch_size, seed
        self._known: dict[int, Tensor] = {}

    def rows(self, step: int) -> Tensor:
        """The samples of the batch at ``step`` (0-based), int64 of shape (batch_size,)."""
        start = step * self._batch_size
        pieces, wanted = [], self._batch_size
        while wanted:
            epoch, offset = divmod(start, self._n)
            piece = self._epoch(epoch)[offset : offset + wanted]
            pieces.append(piece)
            start, wanted = start + len(piece), wanted - len(piece)
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def _epoch(self, epoch: int) -> Tensor:
        if epoch not in self._known:
            if len(self._known) > 1:
                self._known.clear()
            self._known[epoch] = permutation(self._n, *self._seed, epoch)
        return self._known[epoch]
