"""An exponential average of the parameters over a stage's last steps, taken at its end (Polyak and Juditsky 1992).

A GAN's generator circles around what it would settle on; the average of its last steps is nearer to that than any of
them. Methods see nothing of it before the stage is over: importance, masks and teachers are those of the average.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gencl.learners.learner import Learner, Phase


class Average:
    """The average of what phases with shared parameters move, and of running statistics.

    Args:
        share: how much of a stage's steps the average looks back (the mean age of what is in it); 0: no average.
        steps: those of the stage.
    """

    def __init__(self, learner: Learner, phases: Sequence[Phase], share: float, steps: int) -> None:
        self._weight = 1 / max(1.0, share * steps)
        moved = [parameter for phase in phases if phase.moves_shared for parameter in phase.parameters]
        statistics = [buffer for buffer in learner.buffers() if buffer.is_floating_point()]
        self._live: list[Tensor] = [tensor.detach() for tensor in (*moved, *statistics)] if share else []
        self._mean = [tensor.clone() for tensor in self._live]

    def update(self) -> None:
        """Takes in what a step has left."""
        if self._live:
            with torch.no_grad():
                torch._foreach_lerp_(self._mean, self._live, self._weight)

    @torch.no_grad()
    def take(self) -> None:
        """The learner becomes the average."""
        if self._live:
            torch._foreach_copy_(self._live, self._mean)

    def tensors(self) -> dict[str, Tensor]:
        """For a checkpoint."""
        return {str(index): tensor for index, tensor in enumerate(self._mean)}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Goes back to a checkpoint's."""
        self._mean = [tensors[str(index)].to(tensor) for index, tensor in enumerate(self._mean)]
