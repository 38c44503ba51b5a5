"""How far parameters moved, and whether the important ones moved less (SPP fig. 7c and 8, ANPyC fig. 10c)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

PARTS = 10
"""Parts of equal size into which parameters are ordered by importance."""


@dataclass(frozen=True)
class Change:
    """Means over parameters of the squared and the absolute change, plain and weighted by importance.

    The papers give weighted sums of squares (SPP) and of absolute values (ANPyC) without their scale; here both are
    divided by the sum of the weights, so that layers of any size compare. Weighted ones are None where no parameter
    matters.
    """

    n: int
    square: float
    absolute: float
    weighted_square: float | None
    weighted_absolute: float | None


def change(before: Tensor, after: Tensor, importance: Tensor) -> Change:
    """The `Change` between two states of the same parameters, all three tensors being of one shape."""
    moved, weights = (after - before).flatten().double(), importance.flatten().double()
    total = float(weights.sum())

    def weighted(values: Tensor) -> float | None:
        return float((weights * values).sum()) / total if total else None

    square, absolute = moved.square(), moved.abs()
    return Change(len(moved), float(square.mean()), float(absolute.mean()), weighted(square), weighted(absolute))


def by_importance(moved: Tensor, importance: Tensor) -> list[float]:
    """The mean of |``moved``| over each tenth of the parameters, from the least to the most important, as multiples of
    the mean over all.

    Ties go by place; of fewer than ten parameters each is a part of its own; no change gives zeros.
    """
    order = importance.flatten().argsort(stable=True)
    size = moved.flatten().double().abs()[order]
    mean = float(size.mean())
    return [float(part.mean()) / mean if mean else 0.0 for part in size.tensor_split(PARTS) if len(part)]


def rank_correlation(one: Tensor, other: Tensor) -> float | None:
    """Spearman's rho of two tensors of one shape; ties share their mean rank. None where either is constant."""
    a, b = (ranks - ranks.mean() for ranks in (_ranks(one), _ranks(other)))
    scale = float(a.square().sum() * b.square().sum()) ** 0.5
    return float((a * b).sum()) / scale if scale else None


def _ranks(values: Tensor) -> Tensor:
    _, places, counts = values.flatten().double().unique(return_inverse=True, return_counts=True)
    ends = counts.cumsum(0).double()
    ranks: Tensor = (ends - (counts - 1) / 2)[places]
    return ranks


def ordered_map(matrix: Tensor, rows: Tensor, columns: Tensor, side: int) -> Tensor:
    """A matrix with its rows and columns in the order given, averaged into at most ``side`` by ``side`` cells."""
    ordered = matrix.double()[rows][:, columns]
    down = [part.mean(0) for part in ordered.tensor_split(min(side, len(rows)), 0)]
    return torch.stack([part.mean(1) for part in torch.stack(down).tensor_split(min(side, len(columns)), 1)], 1)
