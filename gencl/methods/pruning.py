"""Pruning masks: which weights may be pruned, which are, and how these stay at zero."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

_BLOCK = 2**16
"""Entries of a mask that become numbers at a time: they stay in a processor's cache."""


def least(score: Tensor, weight: Tensor, among: Tensor, share: float) -> Tensor:
    """The mask of the ``share`` of the entries ``among`` (bool) with the lowest score; ties go by the size of the
    weight, then place.

    Exactly round(share * number of entries among) are chosen, never more: a threshold with <= takes all ties.
    """
    # in NumPy: torch makes index tensors of 64 bits an entry for masks and for kthvalue
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
    """Sets in place what is ``pruned`` (bool, of the weights' shapes) to zero.

    On a CPU masks are taken as numbers, W <- W - W m, a block at a time: faster than ``masked_fill_``, and without
    masks of floats, each as large as the weights.
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
    """Weight matrices and kernels; biases and norms (one-dimensional) are never pruned."""
    return {name: tensor for name, tensor in tensors.items() if tensor.ndim >= 2}
