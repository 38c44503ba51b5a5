"""Residual networks between an image and a small square of features, for generators, discriminators and encoders.

They are the plain networks with bilinear upsampling (`plain`), plus ``depth`` residual blocks at each resolution below
the image's. Blocks start as the identity, so a deeper network starts as the plain one. Sides are halved at least once,
until they are 8 or less: 28 ends at 7x7, and 32, 64 and 128 end at 8x8. There are ``width`` channels at half of the
image's side. They double at each lower resolution, up to ``widest``.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, repeat
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gencl.core.errors import UsageError
from gencl.learners.networks.plain import Bilinear, channels_last

LARGEST_BASE = 8
"""The largest side, in pixels, that is not halved further."""

SIDES = tuple(
    sorted({base * 2**count for base in range(4, LARGEST_BASE + 1) for count in range(1, 6)} & set(range(129)))
)
"""The supported sides of images, in pixels."""


def halvings(image_shape: tuple[int, int, int]) -> int:
    """Return how often a side is halved. Raises UsageError if images are not square or cannot be halved that far."""
    channels, side, width = image_shape
    if side not in SIDES or side != width or channels not in (1, 3):
        sides = ", ".join(map(str, SIDES))
        raise UsageError(
            f"model.network: residual takes square images, grey or in colour, with sides of {sides} pixels, not "
            f"{image_shape}; data.size resizes them, such as --set data.size={min(SIDES, key=lambda s: abs(s - side))}"
        )
    return next(count for count in range(1, 8) if side // 2**count <= LARGEST_BASE)


def widths(width: int, widest: int, levels: int) -> list[int]:
    """Return the channels of each resolution, from the highest to the lowest."""
    return [min(width * 2**level, max(width, widest)) for level in range(levels)]


def residual_base(width: int, widest: int, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return the shape (c, h, w) of the features between encoder and decoder."""
    levels = halvings(image_shape)
    side = image_shape[1] // 2**levels
    return widths(width, widest, levels)[-1], side, side


class Block(nn.Module):
    """x + conv(act(norm(conv(act(norm(x)))))) with two 3x3 convolutions.

    The second convolution starts at zero, so the block starts as the identity. A modulation scales and shifts the
    second norm's output, per sample and channel.
    """

    def __init__(self, channels: int, norm: bool) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(4, channels) if norm else nn.Identity()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = nn.GroupNorm(4, channels) if norm else nn.Identity()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.kaiming_normal_(self.conv1.weight, a=0.2)
        for parameter in (self.conv1.bias, *self.conv2.parameters()):
            assert parameter is not None
            nn.init.zeros_(parameter)

    def forward(self, inputs: Tensor, modulation: tuple[Tensor, Tensor] | None = None) -> Tensor:
        hidden = self.norm2(self.conv1(F.leaky_relu(self.norm1(inputs), 0.2)))
        if modulation is not None:
            scale, shift = modulation
            hidden = torch.addcmul(shift[:, :, None, None], hidden, scale[:, :, None, None])
        outputs: Tensor = inputs + self.conv2(F.leaky_relu(hidden, 0.2))
        return outputs


class ResidualDecoder(nn.Module):
    """Maps features (n, *base) to images (n, c, h, w) before the sigmoid.

    Each level is: blocks, norm, LeakyReLU, bilinear upsampling, 3x3 convolution. Bilinear upsampling avoids the
    checkerboard artefacts of transposed convolutions.
    """

    def __init__(self, width: int, widest: int, image_shape: tuple[int, int, int], depth: int) -> None:
        super().__init__()
        channels = widths(width, widest, halvings(image_shape))[::-1]
        self.blocks = nn.ModuleList(nn.ModuleList(Block(c, True) for _ in range(depth)) for c in channels)
        self.norms = nn.ModuleList(nn.GroupNorm(4, c) for c in channels)
        self.larger = Bilinear()
        self.outward = nn.ModuleList(
            nn.Conv2d(inner, outer, 3, padding=1) for inner, outer in pairwise([*channels, image_shape[0]])
        )
        self.modulated = [c for c in channels for _ in range(depth)]
        """The number of channels that the modulation scales and shifts, block by block."""

    def forward(self, features: Tensor, modulation: Tensor | None = None) -> Tensor:
        """Return the images. ``modulation`` (n, 2 * sum of `modulated`) holds all blocks' scales, then their shifts."""
        parts = self._modulations(modulation)
        units = channels_last(features)
        for blocks, norm, outward in zip(self.blocks, self.norms, self.outward, strict=True):
            for block in cast(nn.ModuleList, blocks):
                units = block(units, next(parts))
            units = outward(self.larger(F.leaky_relu(norm(units), 0.2)))
        return units.contiguous()

    def _modulations(self, modulation: Tensor | None) -> Iterator[tuple[Tensor, Tensor] | None]:
        """Iterate over the blocks' scales and shifts, (n, channels) each; None for each block without a modulation."""
        if modulation is None:
            return repeat(None)
        scales, shifts = modulation.chunk(2, 1)
        return zip(scales.split(self.modulated, 1), shifts.split(self.modulated, 1), strict=True)


class ResidualEncoder(nn.Module):
    """Maps images (n, c, h, w) to features (n, *base). Each level is: strided convolution, LeakyReLU, blocks.

    Blocks have GroupNorm only if ``norm``. In a discriminator, normalisation is harmful with gradient penalties.
    """

    def __init__(
        self, width: int, widest: int, image_shape: tuple[int, int, int], depth: int, norm: bool = False
    ) -> None:
        super().__init__()
        channels = widths(width, widest, halvings(image_shape))
        self.base = residual_base(width, widest, image_shape)
        self.inward = nn.ModuleList(
            nn.Conv2d(outer, inner, 4, 2, 1) for outer, inner in pairwise([image_shape[0], *channels])
        )
        self.blocks = nn.ModuleList(nn.ModuleList(Block(c, norm) for _ in range(depth)) for c in channels)

    def forward(self, images: Tensor) -> Tensor:
        units = channels_last(images)
        for inward, blocks in zip(self.inward, self.blocks, strict=True):
            units = F.leaky_relu(inward(units), 0.2)
            for block in cast(nn.ModuleList, blocks):
                units = block(units)
        return units.contiguous()
