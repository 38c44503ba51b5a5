"""Measure how concentrated importance is: kurtosis, skewness, density (ANPyC section V-A, fig. 9; SPP fig. 6)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

LOWEST, HIGHEST, BINS = -6.0, 3.0, 54
"""The axis of the density: decades of importance as a multiple of its mean, in bins of a sixth of a decade."""


@dataclass(frozen=True)
class Shape:
    """Statistics of ``n`` values.

    ``kurtosis`` is the excess over that of a normal distribution; it and ``skewness`` are None if all values are equal.
    ``zero`` is the share of zeros, ``low`` the share below a millionth of the mean (including zeros). ``top`` is the
    share of the sum that the largest 1 % hold; None if all are zero.
    """

    n: int
    kurtosis: float | None
    skewness: float | None
    zero: float
    low: float
    top: float | None


def shape(values: Tensor) -> Shape:
    """Return the `Shape` of non-negative values, a tensor of any shape. It does not depend on their scale."""
    flat = values.flatten().double()
    n, total = len(flat), float(flat.sum())
    largest = flat.sort(descending=True).values[: math.ceil(n / 100)]
    zero = float((flat == 0).double().mean())
    low = float((flat < flat.mean() * 10**LOWEST).double().mean()) if total else 1.0
    top = float(largest.sum()) / total if total else None
    away = flat - flat.mean()
    variance = float(away.square().mean())
    if not variance > 0:
        return Shape(n, None, None, zero, low, top)
    scaled = away / math.sqrt(variance)
    return Shape(n, float(scaled.pow(4).mean()) - 3, float(scaled.pow(3).mean()), zero, low, top)


def density(values: Tensor) -> Tensor:
    """Return the share of values in each bin of log10(value / mean), (BINS,).

    Larger values count in the last bin. Smaller values and zeros count in none: the shares sum to 1 - `Shape.low`.
    """
    flat = values.flatten().double()
    if not flat.sum() > 0:
        return torch.zeros(BINS, dtype=torch.float64)
    decades = (flat / flat.mean()).log10().clamp(max=HIGHEST)  # zeros become -inf
    decades = decades[decades >= LOWEST]
    return torch.histc(decades, BINS, LOWEST, HIGHEST) / len(flat)


def edges() -> list[float]:
    """Return the edges of the bins in decades, (BINS + 1,)."""
    return [LOWEST + (HIGHEST - LOWEST) * i / BINS for i in range(BINS + 1)]
