"""LeakyReLU in place of ReLU, and initial weights that suit it."""

from __future__ import annotations

import math

import torch
from torch import nn

_SLOPE = 0.2
"""The slope below 0."""


def activation(name: str) -> nn.Module:
    """Return the activation called ``relu`` or ``leaky``."""
    return nn.ReLU() if name == "relu" else nn.LeakyReLU(_SLOPE)


@torch.no_grad()
def draw_for_leaky(layer: nn.Module) -> None:
    """Draw a layer's weights so that LeakyReLU keeps the size of its units (He et al. 2015, eq. 15); zero its bias.

    With PyTorch's own, units get smaller from layer to layer. Of a transposed convolution's kernel, a unit sees one
    weight in stride^2. Layers without weights are left alone.
    """
    if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        return
    inputs = layer.weight[0].numel()
    if isinstance(layer, nn.ConvTranspose2d):
        inputs = layer.weight[:, 0].numel() // math.prod(layer.stride)
    nn.init.normal_(layer.weight, std=nn.init.calculate_gain("leaky_relu", _SLOPE) / math.sqrt(inputs))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
