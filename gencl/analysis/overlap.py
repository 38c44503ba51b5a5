"""Measure how much two tasks rely on the same parameters: Fisher overlap (EWC) of any importance (SPP fig. 7b, ANPyC
fig. 10b)."""

from __future__ import annotations

import math

from torch import Tensor


def overlap(one: Tensor, other: Tensor) -> float | None:
    """Return the overlap 1 - d^2 of two importances of equal shape, each scaled to sum 1: 1 if equal, 0 if disjoint.

    d^2 = tr(F + G - 2 (F G)^(1/2)) / 2 is the squared Frechet distance of the diagonal matrices (Kirkpatrick et al.
    2017, section 4.3), so that the overlap is sum_i sqrt(f_i g_i). Return None if either is all zeros.
    """
    f, g = one.flatten().double(), other.flatten().double()
    total = math.sqrt(float(f.sum()) * float(g.sum()))
    return min(1.0, float((f * g).sqrt().sum()) / total) if total else None


def distance(similarity: float) -> float:
    """Return the Frechet distance d, from 0 to 1, for an `overlap` of 1 - d^2."""
    return math.sqrt(max(0.0, 1 - similarity))
