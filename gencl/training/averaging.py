"""An exponential moving average of the parameters over a task's last steps (Polyak and Juditsky 1992).

A GAN's generator circles around a solution, and the average of its last steps is closer to it than any single step. The
average replaces the learner's parameters at the end of each stage. Importance, masks, teachers, samples and replay use
the averaged parameters, and the next stage starts from them.
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
"""Longest half-life, as a share of the images seen in the task. It makes the average forget the task's first steps."""
STAGE_RAMP = 0.25
"""Longest half-life, as a share of the images seen in the stage. It makes the average forget the stage's starting
point, such as weights just pruned."""


class Average:
    """Moving averages of the parameters that phases move, and of running statistics.

    Args:
        phases: the phases of the stage. Only those that move shared parameters or have a half-life are averaged.
        half_life: images after which the weight of older parameters has halved. 0: no average. auto: each phase's own
            (`Phase.half_life`), and no average for phases without one.
        batch: images per step, over all processes.
        first: the step of the task at which the stage begins.
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
        """Add the parameters after a step of the task (0-based) to the averages."""
        for part in self._parts:
            seen, of_stage = ((step - first + 1) * self._batch for first in (0, self._first))
            half_life = min(part.half_life, RAMP * seen, STAGE_RAMP * of_stage)
            with torch.no_grad():
                torch._foreach_lerp_(part.mean, part.live, 1 - 0.5 ** (self._batch / half_life))

    @torch.no_grad()
    def take(self) -> None:
        """Replace the learner's parameters by their averages."""
        for part in self._parts:
            torch._foreach_copy_(part.live, part.mean)

    def tensors(self) -> dict[str, Tensor]:
        """Return the averages by name, for a checkpoint."""
        return {str(index): tensor for index, tensor in enumerate(chain.from_iterable(p.mean for p in self._parts))}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore the averages from a checkpoint."""
        places = count()
        for part in self._parts:
            part.mean = [tensors[str(next(places))].to(tensor) for tensor in part.mean]


@dataclass
class _Part:
    """The tensors that one phase moves, and their averages."""

    half_life: float
    live: list[Tensor]
    mean: list[Tensor]


def no_average(learner: Learner) -> Average:
    """Return an `Average` that averages nothing, for use between tasks."""
    return Average(learner, (), 0.0, 1)
