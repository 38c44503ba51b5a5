"""Pruning masks: which weights may be pruned, and which are."""

from __future__ import annotations

import torch
from torch import Tensor


def least(score: Tensor, magnitude: Tensor, among: Tensor, share: float) -> Tensor:
    """The mask of the ``share`` of the entries ``among`` (bool) with the lowest score; ties go by magnitude, then
    place.

    Exactly round(share * number of entries among) are chosen, never more: a threshold with <= takes all ties.
    """
    scores, allowed = score.flatten(), among.flatten()
    count = round(share * int(allowed.sum()))
    if not count:
        return torch.zeros_like(among)
    limit = scores[allowed].kthvalue(count).values  # a sort would take several times the memory of the weights
    chosen = allowed & (scores < limit)
    ties = (allowed & (scores == limit)).nonzero().squeeze(1)
    ties = ties[magnitude.flatten()[ties].argsort(stable=True)]
    chosen[ties[: count - int(chosen.sum())]] = True
    return chosen.view_as(among)


def prunable(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weight matrices and kernels; biases and norms (one-dimensional) are never pruned."""
    return {name: tensor for name, tensor in tensors.items() if tensor.ndim >= 2}
