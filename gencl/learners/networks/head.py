"""Heads of a classifier: from features to classes, directly or through a hidden layer in each head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gencl.core.randomness import seeded
from gencl.learners.networks.precision import at_least_float32
from gencl.learners.networks.trunk import Dropout


@dataclass(frozen=True)
class OwnLayer:
    """The fully connected hidden layer of each head, followed by ReLU and dropout; 0 units: none."""

    units: int = 0
    dropout: float = 0.0


NO_LAYER = OwnLayer()


class Heads(nn.ModuleList):
    """One head per group of classes, each on ``features`` inputs."""

    def __init__(self, features: int, own: OwnLayer) -> None:
        super().__init__()
        self._features, self._own = features, own

    def add(self, classes: int, seed: int) -> None:
        """Append a head for this number of classes, initialised from ``seed`` and its index."""
        with seeded(seed, "head", len(self)):
            if not self._own.units:
                self.append(nn.Linear(self._features, classes))
                return
            wide, last = nn.Linear(self._features, self._own.units), nn.Linear(self._own.units, classes)
            self.append(nn.Sequential(wide, nn.ReLU(), Dropout(self._own.dropout), last))

    def joined(self, features: Tensor, groups: Sequence[int]) -> Tensor:
        """Return the logits of these groups' heads side by side, (n, columns)."""
        heads = [self[group] for group in groups]
        plain = [head for head in heads if isinstance(head, nn.Linear)]
        if len(heads) == 1 or len(plain) < len(heads):
            return at_least_float32(torch.cat([head(features) for head in heads], dim=1))
        # one matrix product for all heads
        weight, bias = torch.cat([head.weight for head in plain]), torch.cat([head.bias for head in plain])
        return at_least_float32(F.linear(features, weight, bias))

    def alike(self, features: Tensor, groups: Sequence[int], sizes: Sequence[int]) -> list[Tensor]:
        """Return the logits of these groups' heads: one (n, heads, classes) for each number of classes in ``sizes``."""
        logits = []
        for classes in dict.fromkeys(sizes):
            same = [group for group, size in zip(groups, sizes, strict=True) if size == classes]
            logits.append(self.joined(features, same).view(len(features), len(same), classes))
        return logits
