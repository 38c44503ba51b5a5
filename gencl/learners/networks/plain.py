"""The plain networks of the conditional GAN: stacks of strided and of transposed convolutions."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from gencl.core.errors import UsageError
from gencl.learners.networks.norms import BatchNorm2d
from gencl.learners.networks.to_images import ToImages

Upsampling = Literal["transposed", "bilinear"]


def upsamplings(image_shape: tuple[int, int, int]) -> int:
    """Return how often the generator doubles the resolution: from 7x7 for 28, from 8x8 for 32 and 64.

    Raises UsageError if images are not square, cannot be halved that often, or are neither grey nor in colour.
    """
    channels, size, width = image_shape
    count = 2
    while size // 2**count > 12:
        count += 1
    if size != width or size % 2**count or channels not in (1, 3):
        step = 2**count
        resized = f"; data.size resizes them, such as --set data.size={max(8, size // step * step)}"
        raise UsageError(
            f"the conditional GAN takes square images whose side is a multiple of {step}, not {image_shape}"
            + (resized if size == width and channels in (1, 3) else "")
        )
    return count


def _norm(kind: str, channels: int) -> nn.Module:
    if kind == "group":
        return nn.GroupNorm(4, channels)
    return BatchNorm2d(channels) if kind == "batch" else nn.Identity()


def plain_base(width: int, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return the shape (c, h, w) of the features that `plain_decoder` starts from."""
    levels = upsamplings(image_shape)
    return width * 2 ** (levels - 1), image_shape[1] // 2**levels, image_shape[1] // 2**levels


def channels_last(units: Tensor) -> Tensor:
    """Return units (n, c, h, w) with channels last in memory, which is faster on a CPU if channels are few.

    It permutes and copies, because ``vmap`` does not support memory formats.
    """
    return units.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)


class Bilinear(nn.Module):
    """Doubles the sides of units (n, c, h, w)."""

    def forward(self, units: Tensor) -> Tensor:
        return F.interpolate(channels_last(units), scale_factor=2.0, mode="bilinear", align_corners=False)


def plain_decoder(width: int, norm: str, upsampling: Upsampling, image_shape: tuple[int, int, int]) -> nn.Sequential:
    """Return a network from features (n, *base) to images (n, c, h, w) before the sigmoid.

    Each level is norm, LeakyReLU, upsampling. Upsampling is a transposed convolution, or bilinear and then a 3x3
    convolution, which leaves no checkerboard artefacts. Prefer GroupNorm to BatchNorm: batch statistics couple the
    classes of a batch and hurt under consolidation.
    """

    def larger(inner: int, outer: int, transposed: type[nn.ConvTranspose2d]) -> list[nn.Module]:
        if upsampling == "bilinear":
            return [Bilinear(), nn.Conv2d(inner, outer, 3, padding=1)]
        return [transposed(inner, outer, 4, 2, 1)]

    widths = [width * 2**level for level in reversed(range(upsamplings(image_shape)))]
    layers: list[nn.Module] = []
    for inner, outer in pairwise(widths):
        layers += [_norm(norm, inner), nn.LeakyReLU(0.2), *larger(inner, outer, nn.ConvTranspose2d)]
    layers += [_norm(norm, widths[-1]), nn.LeakyReLU(0.2), *larger(widths[-1], image_shape[0], ToImages)]
    return nn.Sequential(*layers)


def plain_encoder(width: int, image_shape: tuple[int, int, int]) -> tuple[list[nn.Module], int]:
    """Return strided convolutions on images (n, c, h, w), and the number of features per image that they output.

    No normalisation: the R1 penalty keeps a discriminator smooth.
    """
    channels, size, _ = image_shape
    levels = upsamplings(image_shape)
    widths = [channels, *(width * 2**level for level in range(levels))]
    layers: list[nn.Module] = []
    for inner, outer in pairwise(widths):
        layers += [nn.Conv2d(inner, outer, 4, 2, 1), nn.LeakyReLU(0.2)]
    return layers, widths[-1] * (size // 2**levels) ** 2
