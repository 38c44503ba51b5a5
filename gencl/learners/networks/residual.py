"""Residual networks between an image and a small square of features: the trunks of generators and their mirrors.

The plain networks with bilinear upsampling (`plain`) and, at each resolution but the image's own, ``depth`` blocks that
start as the identity: a deeper network begins where the plain one does. Sides are halved while they are even and above
8, so that 28 ends at 7x7, and 32, 64 and 128 at 8x8; ``width`` channels at half of the image's side double inwards, up
to ``widest``.
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
"""The side, in pixels, of the largest square that is not halved further."""

SIDES = tuple(
    sorted({base * 2**count for base in range(4, LARGEST_BASE + 1) for count in range(1, 6)} & set(range(129)))
)
"""The sides of images that can be made, in pixels."""


def halvings(image_shape: tuple[int, int, int]) -> int:
    """How often a side is halved. Raises UsageError for images that are not square or cannot be halved that far."""
    channels, side, width = image_shape
    if side not in SIDES or side != width or channels not in (1, 3):
        sides = ", ".join(map(str, SIDES))
        raise UsageError(
            f"model.network: residual takes square images, grey or in colour, with sides of {sides} pixels, not "
            f"{image_shape}; data.size resizes them, such as data.size={min(SIDES, key=lambda s: abs(s - side))}"
        )
    return next(count for count in range(1, 8) if side // 2**count <= LARGEST_BASE)


def widths(width: int, widest: int, levels: int) -> list[int]:
    """Channels of the resolutions, from the outermost (half of the image's side) inwards."""
    return [min(width * 2**level, max(width, widest)) for level in range(levels)]


def residual_base(width: int, widest: int, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Channels and sides of the features between the two networks."""
    levels = halvings(image_shape)
    side = image_shape[1] // 2**levels
    return widths(width, widest, levels)[-1], side, side


class Block(nn.Module):
    """x + conv(act(norm(conv(act(norm(x)))))), two 3x3 convolutions; the second starts at zero, and so x + 0.

    A modulation scales and shifts what the second convolution reads, for each sample and channel.
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
    """Features (n, *base) -> images (n, c, h, w) before the sigmoid: (blocks, norm, LeakyReLU, bilinear upsampling, a
    3x3 convolution) ...

    Transposed convolutions leave checkerboards; bilinear upsampling leaves none.
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
        """The channels that each block's modulation scales, and shifts."""

    def forward(self, features: Tensor, modulation: Tensor | None = None) -> Tensor:
        """``modulation`` (n, 2 * sum of `modulated`): scales of all blocks, then shifts."""
        parts = self._modulations(modulation)
        units = channels_last(features)
        for blocks, norm, outward in zip(self.blocks, self.norms, self.outward, strict=True):
            for block in cast(nn.ModuleList, blocks):
                units = block(units, next(parts))
            units = outward(self.larger(F.leaky_relu(norm(units), 0.2)))
        return units.contiguous()

    def _modulations(self, modulation: Tensor | None) -> Iterator[tuple[Tensor, Tensor] | None]:
        """The scales and shifts of one block after another, (n, channels) each."""
        if modulation is None:
            return repeat(None)
        scales, shifts = modulation.chunk(2, 1)
        return zip(scales.split(self.modulated, 1), shifts.split(self.modulated, 1), strict=True)


class ResidualEncoder(nn.Module):
    """Images (n, c, h, w) -> features (n, *base): a strided convolution, LeakyReLU, blocks, a strided one, ...

    No normalisation: a discriminator's is harmful beside gradient penalties.
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
