"""Consolidation in which each task keeps its own quadratic term, around its own weights."""

from __future__ import annotations

import torch
from torch import Tensor

from gencl.methods.consolidation import Consolidation


class AnchoredByTask(Consolidation):
    """The penalty is lambda sum_t Omega_t (W - W_t)^2, with W_t the weights after task t.

    Up to a constant, the sum is one quadratic around the mean of the W_t, weighted by Omega_t. Only that mean and the
    sum of the Omega_t are stored, so memory does not grow with the number of tasks.
    """

    def combine(self, measured: dict[str, Tensor], weights: dict[str, Tensor]) -> None:
        if not self.importance:
            return super().combine(measured, weights)
        for name, total in self.importance.items():
            anchor, weight = self.anchors[name], weights[name]
            anchor.mul_(total).add_(measured[name] * weight)
            total.add_(measured[name])
            torch.where(total > 0, anchor.div_(total), weight, out=anchor)
