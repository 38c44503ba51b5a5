"""Pruning: choose the weights to prune, and set them to zero."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

_BLOCK = 2**16
"""The entries of a mask that are converted to numbers at a time: they stay in a processor's cache."""


def least(score: Tensor, weight: Tensor, among: Tensor, share: float) -> Tensor:
    """Return the mask of the ``share`` of the entries ``among`` (bool) with the lowest score.

    Ties are resolved by the size of the weight, then by position. Exactly round(share * number of entries among) are
    chosen, never more; a threshold with <= would take all ties.
    """
    # in NumPy, since torch creates indices of 64 bits per entry for masks and for kthvalue
    scores, allowed = score.detach().cpu().numpy(), among.cpu().numpy()
    count = round(share * int(allowed.sum()))
    if not count:
        return torch.zeros_like(among)
    limit = np.partition(scores[allowed], count - 1)[count - 1]
    chosen, ties = allowed & (scores < limit), allowed & (scores == limit)
    left = count - int(chosen.sum())
    sizes = np.abs(weight.detach().cpu().numpy()[ties])
    limit = np.partition(sizes, left - 1)[left - 1]
    lowest = sizes < limit
    lowest[np.flatnonzero(sizes == limit)[: left - int(lowest.sum())]] = True
    chosen[ties] = lowest
    return torch.from_numpy(chosen).to(among.device)


@torch.no_grad()
def set_to_zero(weights: Sequence[Tensor], pruned: Iterable[Tensor]) -> None:
    """Set the entries that are ``pruned`` (bool, of the weights' shapes) to zero, in place.

    On a CPU, masks are converted to numbers a block at a time, for W <- W - W m. This is faster than ``masked_fill_``,
    and needs no float masks as large as the weights.
    """
    for weight, mask in zip(weights, pruned, strict=True):
        if weight.device.type != "cpu" or not (weight.is_contiguous() and mask.is_contiguous()):
            weight.masked_fill_(mask, 0)
            continue
        flat, numbers = weight.view(-1), weight.new_empty(min(_BLOCK, weight.numel()))
        for some, marks in zip(flat.split(_BLOCK), mask.view(torch.uint8).view(-1).split(_BLOCK), strict=True):
            taken = numbers[: len(some)].copy_(marks)
            some.addcmul_(some, taken, value=-1)


def prunable(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weight matrices and kernels. Biases and norms (one-dimensional) are never pruned."""
    return {name: tensor for name, tensor in tensors.items() if tensor.ndim >= 2}
