"""Mean and covariance of features, accumulated in float64."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gencl.core.processes import Processes
from gencl.core.transfer import exact


@dataclass(frozen=True)
class Statistics:
    """Sums over n feature vectors: the features (d,) and their outer products (d, d), float64."""

    n: int
    total: Tensor
    outer: Tensor

    @staticmethod
    def of(features: Tensor) -> Statistics:
        """Return the statistics of features (n, d), n >= 0."""
        rows = exact(features)
        return Statistics(len(features), rows.sum(0), rows.T @ rows)

    def __add__(self, other: Statistics) -> Statistics:
        return Statistics(self.n + other.n, self.total + other.total, self.outer + other.outer)

    @staticmethod
    def balanced(parts: Sequence[Statistics]) -> Statistics:
        """Return the statistics of all parts together, each with equal weight; ``n`` is the true number of images."""
        n = sum(part.n for part in parts)
        weights = [n / (len(parts) * part.n) for part in parts]
        total, outer = (
            sum(w * getattr(part, name) for w, part in zip(weights, parts, strict=True)) for name in ("total", "outer")
        )
        return Statistics(n, total, outer)

    def over(self, processes: Processes) -> Statistics:
        """Return the sum over all processes, the same on each."""
        n = self.total.new_tensor([self.n])
        n, total, outer = processes.sum([n, self.total, self.outer])
        return Statistics(int(n.item()), total, outer)

    def gaussian(self) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
        """Return mean and unbiased covariance, as torch-fidelity's ``fid_statistics_to_metric`` takes them.

        Raises ValueError if there are fewer than two images.
        """
        if self.n < 2:
            raise ValueError(f"a covariance needs two images or more, not {self.n}")
        mean = self.total / self.n
        covariance = (self.outer - self.n * torch.outer(mean, mean)) / (self.n - 1)
        return {"mu": mean.cpu().numpy(), "sigma": covariance.cpu().numpy()}
