"""Consolidation in which each task keeps a quadratic term of its own, around its own weights."""

from __future__ import annotations

import torch
from torch import Tensor

from gencl.methods.consolidation import Consolidation


class AnchoredByTask(Consolidation):
    """lambda sum_t Omega_t (W - W_t)^2, with W_t the weights after task t.

    The sum is, up to a constant, one quadratic around the mean of the W_t weighted by Omega_t. Only that mean and the
    sum of the Omega_t are stored, so that memory does not grow with the tasks.
    """

    def combine(self, measured: dict[str, Tensor], weights: dict[str, Tensor]) -> None:
        if not self.importance:
            return super().combine(measured, weights)
        for name, total in self.importance.items():
            anchor, weight = self.anchors[name], weights[name]
            anchor.mul_(total).add_(measured[name] * weight)
            total.add_(measured[name])
            torch.where(total > 0, anchor.div_(total), weight, out=anchor)
