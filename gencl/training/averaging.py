"""An exponential average of the parameters over a task's last steps, taken at its end (Polyak and Juditsky 1992).

A GAN's generator circles around what it would settle on; the average of its last steps is nearer to that than any of
them. The learner becomes the average at the end of each stage: importance, masks, teachers, samples and replay
are those of the average, and the next stage goes on from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Literal

import torch
from torch import Tensor

from gencl.learners.learner import Learner, Phase

RAMP = 0.1
"""The half-life is at most this share of the images seen in the task, so that its first steps are soon forgotten,"""
STAGE_RAMP = 0.25
"""and this one of those seen in the stage: what that began with, such as weights just pruned, is forgotten, too."""


class Average:
    """The averages of what phases move, and of running statistics.

    Args:
        phases: those of the stage; each says how far it looks back, unless ``half_life`` does.
        half_life: images after which what the average knows counts half; 0: no average; auto: as the phases say.
        batch: images per step, over all processes.
        first: the step of the task with which the stage begins.
    """

    def __init__(
        self,
        learner: Learner,
        phases: Sequence[Phase],
        half_life: float | Literal["auto"],
        batch: int,
        first: int = 0,
    ) -> None:
        self._batch, self._first = batch, first
        self._parts: list[_Part] = []
        for phase in phases:
            averaged = phase.half_life or (phase.moves_shared and half_life != "auto")
            looks_back = phase.half_life if half_life == "auto" else half_life
            if averaged and looks_back:
                statistics = [b for b in learner.buffers() if b.is_floating_point()] if phase.moves_shared else []
                live = [tensor.detach() for tensor in (*phase.parameters, *statistics)]
                self._parts.append(_Part(looks_back, live, [tensor.clone() for tensor in live]))

    def update(self, step: int) -> None:
        """Takes in what a step of the task (0-based) has left."""
        for part in self._parts:
            seen, of_stage = ((step - first + 1) * self._batch for first in (0, self._first))
            half_life = min(part.half_life, RAMP * seen, STAGE_RAMP * of_stage)
            with torch.no_grad():
                torch._foreach_lerp_(part.mean, part.live, 1 - 0.5 ** (self._batch / half_life))

    @torch.no_grad()
    def take(self) -> None:
        """The learner becomes the average."""
        for part in self._parts:
            torch._foreach_copy_(part.live, part.mean)

    def tensors(self) -> dict[str, Tensor]:
        """For a checkpoint."""
        return {str(index): tensor for index, tensor in enumerate(chain.from_iterable(p.mean for p in self._parts))}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Goes back to a checkpoint's."""
        places = count()
        for part in self._parts:
            part.mean = [tensors[str(next(places))].to(tensor) for tensor in part.mean]


@dataclass
class _Part:
    """What one phase moves: as it is now, and its average."""

    half_life: float
    live: list[Tensor]
    mean: list[Tensor]


def no_average(learner: Learner) -> Average:
    """What averages nothing: between tasks."""
    return Average(learner, (), 0.0, 1)
