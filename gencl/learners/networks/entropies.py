"""Entropies in nats, from logits."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def bernoulli_entropy(logits: Tensor) -> Tensor:
    """Return H(sigmoid(x)) = softplus(x) - x sigmoid(x), element by element."""
    return F.softplus(logits) - logits * torch.sigmoid(logits)
