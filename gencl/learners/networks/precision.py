"""Network outputs in float32, whatever precision the network computes in."""

from __future__ import annotations

import torch
from torch import Tensor

_ENOUGH = (torch.float32, torch.float64)


def at_least_float32(values: Tensor) -> Tensor:
    """Return the values in float32 if they have fewer bits (``train.precision=bf16``), else unchanged.

    Losses need this: on a CPU, autocast leaves softplus, softmax and sums in bfloat16; on a GPU it computes them in
    float32.
    """
    return values if values.dtype in _ENOUGH else values.float()
