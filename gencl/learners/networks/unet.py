"""A small U-Net from images to images, whose blocks take scales and shifts as a second input."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gencl.core.errors import UsageError
from gencl.learners.networks.plain import Bilinear, channels_last
from gencl.learners.networks.precision import at_least_float32
from gencl.learners.networks.residual import Block, widths

_INNERMOST = 7
"""Resolutions with this many positions per side, or fewer, are not halved further."""
_LARGEST = 12
"""The largest number of positions per side at the lowest resolution."""
_ATTENDED = 8
"""Attention is used at this many positions per side and below."""


def resolutions(image_shape: tuple[int, int, int], patch: int) -> list[int]:
    """Return the positions per side at each resolution, highest first.

    Raises UsageError if images are not square, have a side that cannot be halved far enough, or are neither grey nor in
    colour.
    """
    channels, side, width = image_shape
    sides = _halved(side // patch)
    if side != width or side % patch or not _lowest(sides[-1]) or channels not in (1, 3):
        numbers = range(1, side // patch + 2 * _LARGEST)
        near = min((n for n in numbers if _lowest(_halved(n)[-1])), key=lambda n: abs(n * patch - side))
        raise UsageError(
            f"this network takes square images, grey or in colour, whose side is model.patch: {patch} times a number "
            f"that can be halved to {_LARGEST} or less, not {image_shape}; data.size resizes them, such as "
            f"data.size={near * patch}"
        )
    return sides


def _halved(side: int) -> list[int]:
    """Return a number of positions and its halves, down to an odd number or to `_INNERMOST`."""
    sides = [side]
    while sides[-1] > _INNERMOST and sides[-1] % 2 == 0:
        sides.append(sides[-1] // 2)
    return sides


def _lowest(positions: int) -> bool:
    """Return whether these can be the positions per side at the lowest resolution."""
    return 1 < positions <= _LARGEST


def _joined(inner: int, outer: int) -> nn.Module:
    """Return a 1x1 convolution from ``inner`` to ``outer`` channels."""
    layer = nn.Conv2d(inner, outer, 1)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


class Attention(nn.Module):
    """Self-attention over all positions of x (n, c, h, w): x + out(softmax(q k / sqrt(channels)) v), at first x."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(4, channels)
        self.mixed = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.out.weight)
        assert self.out.bias is not None
        nn.init.zeros_(self.out.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        query, key, value = self.mixed(self.norm(inputs)).flatten(2).transpose(1, 2).chunk(3, 2)
        weights = (query / math.sqrt(query.shape[2]) @ key.transpose(1, 2)).softmax(2)
        mixed = (weights @ value).transpose(1, 2).unflatten(2, inputs.shape[2:])  # channels last, like the inputs
        outputs: Tensor = inputs + self.out(mixed)
        return outputs


class UNet(nn.Module):
    """Maps images (n, c, h, w) and a modulation (n, 2 * sum of `modulated`) to outputs (n, c, h, w), initially zero.

    Each square of ``patch`` x ``patch`` pixels is one position, with its pixels as channels. The encoder uses residual
    blocks and average pooling, the decoder residual blocks and bilinear upsampling. Skip connections join the encoder's
    outputs to the decoder at each resolution.

    Args:
        width: channels at the highest resolution; they double at each lower one, up to ``widest``.
        depth: residual blocks per resolution, in encoder and decoder each.
        attention: whether attention follows the blocks at 8x8 positions and below.
    """

    def __init__(
        self, image_shape: tuple[int, int, int], patch: int, width: int, widest: int, depth: int, attention: bool
    ) -> None:
        super().__init__()
        sides, self.patch = resolutions(image_shape, patch), patch
        levels, channels = widths(width, widest, len(sides)), image_shape[0] * patch**2

        def stage(level: int) -> nn.ModuleList:
            blocks: list[nn.Module] = [Block(levels[level], True) for _ in range(depth)]
            attended = attention and sides[level] <= _ATTENDED
            return nn.ModuleList([*blocks, Attention(levels[level])] if attended else blocks)

        outwards = range(len(levels) - 2, -1, -1)
        self.from_images = nn.Conv2d(channels, levels[0], 3, padding=1)
        self.inwards = nn.ModuleList(stage(level) for level in range(len(levels)))
        self.wider = nn.ModuleList(_joined(outer, inner) for outer, inner in pairwise(levels))
        self.narrower = nn.ModuleList(_joined(levels[level + 1], levels[level]) for level in outwards)
        self.joined = nn.ModuleList(_joined(2 * levels[level], levels[level]) for level in outwards)
        self.outwards = nn.ModuleList(stage(level) for level in outwards)
        self.larger = Bilinear()
        self.norm = nn.GroupNorm(4, levels[0])
        self.to_images = nn.Conv2d(levels[0], channels, 3, padding=1)
        nn.init.zeros_(self.to_images.weight)
        assert self.to_images.bias is not None
        nn.init.zeros_(self.to_images.bias)
        self.modulated = [block.conv1.out_channels for block in self.modules() if isinstance(block, Block)]
        """The number of channels that the modulation scales and shifts, block by block."""

    def forward(self, images: Tensor, modulation: Tensor) -> Tensor:
        scales, shifts = modulation.chunk(2, 1)
        parts = zip(scales.split(self.modulated, 1), shifts.split(self.modulated, 1), strict=True)

        def through(stage: nn.Module, units: Tensor) -> Tensor:
            for layer in cast(nn.ModuleList, stage):
                units = layer(units, next(parts)) if isinstance(layer, Block) else layer(units)
            return units

        units = self.from_images(channels_last(F.pixel_unshuffle(images, self.patch)))
        left: list[Tensor] = []
        for level, stage in enumerate(self.inwards):
            if level:
                left.append(units)
                units = self.wider[level - 1](F.avg_pool2d(units, 2))
            units = through(stage, units)
        for stage, narrower, joined in zip(self.outwards, self.narrower, self.joined, strict=True):
            units = through(stage, joined(torch.cat([self.larger(narrower(units)), left.pop()], 1)))
        outputs = F.pixel_shuffle(self.to_images(F.leaky_relu(self.norm(units), 0.2)), self.patch)
        return at_least_float32(outputs).contiguous()
