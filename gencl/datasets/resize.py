"""Brings images to one size and number of channels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_GREY = (0.299, 0.587, 0.114)
"""Luma of red, green and blue (ITU-R BT.601)."""


def fit(images: Tensor, size: int | None, channels: int | None) -> Tensor:
    """Crop to the centre square, resize it (bilinear, with antialiasing), and convert grey to RGB or RGB to grey.

    Args:
        images: uint8, (n, 1 or 3, height, width).
        size: side in pixels; None: unchanged, and not cropped.
        channels: 1 or 3; None: unchanged.

    Returns uint8, (n, channels, size, size); the images themselves if nothing changes.
    """
    if channels == 1 and images.shape[1] == 3:
        images = torch.cat([_to_grey(part) for part in images.split(1024)])
    if size is not None and tuple(images.shape[2:]) != (size, size):
        images = torch.cat([_resized(_square(part), size) for part in images.split(1024)])
    return images.expand(-1, 3, -1, -1).contiguous() if channels == 3 and images.shape[1] == 1 else images


def _to_grey(images: Tensor) -> Tensor:
    weights = torch.tensor(_GREY).view(1, 3, 1, 1)
    return (images.float() * weights).sum(1, keepdim=True).round().to(torch.uint8)


def _square(images: Tensor) -> Tensor:
    """Return the largest square in the middle."""
    height, width = images.shape[2:]
    side = min(height, width)
    return images[:, :, (height - side) // 2 :, (width - side) // 2 :][:, :, :side, :side]


def _resized(images: Tensor, size: int) -> Tensor:
    """Resize uint8 images; values are at most one grey level from those of Pillow's bilinear filter."""
    return F.interpolate(images, size=(size, size), mode="bilinear", align_corners=False, antialias=True)
