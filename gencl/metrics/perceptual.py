"""LPIPS (Zhang et al., CVPR 2018): how different two images look, by the lpips package and a network of ImageNet."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gencl.core.errors import GenclError
from gencl.metrics.weight_files import ALEXNET, VGG16, WeightFile, find

Backbone = Literal["alex", "vgg"]
SMALLEST = 64
"""Smaller images are enlarged to so many pixels a side: AlexNet's pooling leaves nothing of them otherwise."""
_PUBLISHED = {"alex": ALEXNET, "vgg": VGG16}


class Perceptual:
    """LPIPS 0.1 between images; 0 for equal ones.

    Args:
        weights: the backbone's, as torchvision names them.
        backbone: "alex" or "vgg".
    """

    def __init__(self, weights: WeightFile, backbone: Backbone = "alex") -> None:
        import lpips

        self.backbone, self.version, self.published = backbone, weights.version, weights.published
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # of torchvision's older arguments
            self.network: nn.Module = lpips.LPIPS(net=backbone, pnet_rand=True, verbose=False)
        weights.fill({f"features.{name}": tensor for name, tensor in self._trunk().items()})
        self.network.eval().requires_grad_(False)

    @staticmethod
    def of(files: Sequence[str | Path], backbone: Backbone = "alex", download: bool = True) -> Perceptual | None:
        """By the one of ``files`` that holds the backbone, else by the published weights; None where these are neither
        cached nor to be downloaded.

        Raises GenclError where a download fails, UsageError for files that are absent or hold something else.
        """
        weight_file = find(_PUBLISHED[backbone], files, download)
        return None if weight_file is None else Perceptual(weight_file, backbone)

    def _trunk(self) -> dict[str, Tensor]:
        """The backbone's tensors by torchvision's place: lpips keeps the places within its slices."""
        named = cast(nn.Module, self.network.net).state_dict().items()
        return {name.split(".", 1)[1]: tensor for name, tensor in named}

    def resize(self, shape: Sequence[int]) -> list[int] | None:
        """(height, width) that images of shape (c, h, w) are enlarged to, or None where they stay as they are."""
        *_, height, width = shape
        if min(height, width) >= SMALLEST:
            return None
        factor = SMALLEST / min(height, width)
        return [round(height * factor), round(width * factor)]

    def about(self, shape: Sequence[int]) -> dict[str, Any]:
        """What scores of images of this shape depend on."""
        size = self.resize(shape)
        return {
            "backbone": self.backbone,
            "version": self.version,
            **({} if self.published else {"published": False}),
            **({} if size is None else {"resize": "x".join(map(str, size))}),
        }

    @torch.no_grad()
    def distances(self, one: Tensor, other: Tensor, batch_size: int = 64) -> Tensor:
        """LPIPS of pairs of uint8 images (n, 1 or 3, h, w), bilinearly enlarged where they are small: (n,)."""
        if one.shape != other.shape:
            raise GenclError(f"LPIPS compares images of equal shape, not {tuple(one.shape)} and {tuple(other.shape)}")
        self.network.to(one.device)
        with torch.autocast(one.device.type, enabled=False):
            pairs = zip(one.split(batch_size), other.split(batch_size), strict=True)
            return torch.cat([self.network(self._ready(a), self._ready(b)).flatten() for a, b in pairs])

    def _ready(self, images: Tensor) -> Tensor:
        size = self.resize(images.shape[1:])
        scaled = images.float() / 127.5 - 1
        if size is not None:
            scaled = F.interpolate(scaled, size=size, mode="bilinear", align_corners=False)
        return scaled.expand(-1, 3, -1, -1)
