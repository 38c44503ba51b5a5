"""Pruning masks: which weights may be pruned, and which are."""

from __future__ import annotations

import torch
from torch import Tensor


def least(score: Tensor, magnitude: Tensor, among: Tensor, share: float) -> Tensor:
    """The mask of the ``share`` of the entries ``among`` (bool) with the lowest score; ties go by magnitude, then
    place.

    Exactly round(share * number of entries among) are chosen, never more: a threshold with <= takes all ties.
    """
    candidates = among.flatten().nonzero().squeeze(1)
    by_magnitude = candidates[magnitude.flatten()[candidates].argsort(stable=True)]
    in_order = by_magnitude[score.flatten()[by_magnitude].argsort(stable=True)]
    chosen = torch.zeros_like(among).flatten()
    chosen[in_order[: round(share * len(candidates))]] = True
    return chosen.view_as(among)


def prunable(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weight matrices and kernels; biases and norms (one-dimensional) are never pruned."""
    return {name: tensor for name, tensor in tensors.items() if tensor.ndim >= 2}
