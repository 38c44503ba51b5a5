"""What networks give away: float32, whatever they compute in."""

from __future__ import annotations

import torch
from torch import Tensor

_ENOUGH = (torch.float32, torch.float64)


def at_least_float32(values: Tensor) -> Tensor:
    """The values in float32 where they have fewer bits (``train.precision=bf16``), else as they are.

    Losses are computed from them. Autocast leaves softplus, softmax and sums in bfloat16 on a CPU, where it computes
    them in float32 on a GPU.
    """
    return values if values.dtype in _ENOUGH else values.float()
