"""Measure how far parameters moved, and whether important ones moved less (SPP fig. 7c and 8, ANPyC fig. 10c)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

PARTS = 10
"""The number of equal parts into which the parameters, sorted by importance, are divided."""


@dataclass(frozen=True)
class Change:
    """Means over ``n`` parameters of the squared and the absolute change, plain and weighted by importance.

    The papers print weighted sums of squares (SPP) and of absolute values (ANPyC) without their scale. Here both are
    divided by the sum of the weights, so that layers of different sizes are comparable. The weighted means are None
    if all importances are zero.
    """

    n: int
    square: float
    absolute: float
    weighted_square: float | None
    weighted_absolute: float | None


def change(before: Tensor, after: Tensor, importance: Tensor) -> Change:
    """Return the `Change` between two states of the same parameters. All three tensors have the same shape."""
    moved, weights = (after - before).flatten().double(), importance.flatten().double()
    total = float(weights.sum())

    def weighted(values: Tensor) -> float | None:
        return float((weights * values).sum()) / total if total else None

    square, absolute = moved.square(), moved.abs()
    return Change(len(moved), float(square.mean()), float(absolute.mean()), weighted(square), weighted(absolute))


def by_importance(moved: Tensor, importance: Tensor) -> list[float]:
    """Return the mean of |``moved``| in each tenth of the parameters, as multiples of the mean over all of them.

    The tenths go from the least to the most important; ties keep their order. With fewer than ten parameters, each is
    its own part. If nothing moved, all means are 0.
    """
    order = importance.flatten().argsort(stable=True)
    size = moved.flatten().double().abs()[order]
    mean = float(size.mean())
    return [float(part.mean()) / mean if mean else 0.0 for part in size.tensor_split(PARTS) if len(part)]


def rank_correlation(one: Tensor, other: Tensor) -> float | None:
    """Return Spearman's rho of two tensors of equal shape, or None if either is constant. Ties share a mean rank."""
    a, b = (ranks - ranks.mean() for ranks in (_ranks(one), _ranks(other)))
    scale = float(a.square().sum() * b.square().sum()) ** 0.5
    return float((a * b).sum()) / scale if scale else None


def _ranks(values: Tensor) -> Tensor:
    _, places, counts = values.flatten().double().unique(return_inverse=True, return_counts=True)
    ends = counts.cumsum(0).double()
    ranks: Tensor = (ends - (counts - 1) / 2)[places]
    return ranks


def ordered_map(matrix: Tensor, rows: Tensor, columns: Tensor, side: int) -> Tensor:
    """Reorder the rows and columns of a matrix, then average it into at most ``side`` by ``side`` cells."""
    ordered = matrix.double()[rows][:, columns]
    down = [part.mean(0) for part in ordered.tensor_split(min(side, len(rows)), 0)]
    return torch.stack([part.mean(1) for part in torch.stack(down).tensor_split(min(side, len(columns)), 1)], 1)
