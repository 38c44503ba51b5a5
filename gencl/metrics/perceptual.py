"""LPIPS (Zhang et al., CVPR 2018): how different two images look, by the lpips package and an ImageNet network."""

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
"""Images with fewer pixels per side are enlarged to this size: AlexNet's pooling would leave nothing of them."""
_PUBLISHED = {"alex": ALEXNET, "vgg": VGG16}


class Perceptual:
    """LPIPS, version 0.1, between pairs of images; 0 for equal ones.

    Args:
        weights: the backbone's weights, under torchvision's names. Raises UsageError if they do not fit.
        backbone: "alex" or "vgg".
    """

    def __init__(self, weights: WeightFile, backbone: Backbone = "alex") -> None:
        import lpips

        self.backbone, self.version, self.published = backbone, weights.version, weights.published
        self.weights_path = weights.path
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # lpips uses deprecated arguments of torchvision
            self.network: nn.Module = lpips.LPIPS(net=backbone, pnet_rand=True, verbose=False)
        weights.fill({f"features.{name}": tensor for name, tensor in self._trunk().items()})
        self.network.eval().requires_grad_(False)

    @staticmethod
    def of(files: Sequence[str | Path], backbone: Backbone = "alex", download: bool = True) -> Perceptual | None:
        """Return LPIPS with the first of ``files`` that holds the backbone, else with the published weights.

        None if the published weights are not cached and ``download`` is False. Raises GenclError if a download fails or
        a file is damaged, UsageError for files that are absent or hold no known network.
        """
        weight_file = find(_PUBLISHED[backbone], files, download)
        return None if weight_file is None else Perceptual(weight_file, backbone)

    def _trunk(self) -> dict[str, Tensor]:
        """Return the backbone's tensors by their place in torchvision's ``features``.

        lpips divides the backbone into slices, but keeps the places as names.
        """
        named = cast(nn.Module, self.network.net).state_dict().items()
        return {name.split(".", 1)[1]: tensor for name, tensor in named}

    def resize(self, shape: Sequence[int]) -> list[int] | None:
        """Return the [height, width] to which images of shape (c, h, w) are enlarged, or None if they are not."""
        *_, height, width = shape
        if min(height, width) >= SMALLEST:
            return None
        factor = SMALLEST / min(height, width)
        return [round(height * factor), round(width * factor)]

    def about(self, shape: Sequence[int]) -> dict[str, Any]:
        """Return what scores of images of this shape (c, h, w) depend on: backbone, weights and resizing."""
        size = self.resize(shape)
        return {
            "backbone": self.backbone,
            "version": self.version,
            **({} if self.published else {"published": False}),
            **({} if size is None else {"resize": "x".join(map(str, size))}),
        }

    @torch.no_grad()
    def distances(self, one: Tensor, other: Tensor, batch_size: int = 64) -> Tensor:
        """Return LPIPS, (n,), of pairs of uint8 images (n, 1 or 3, h, w). Small images are enlarged bilinearly.

        Raises GenclError if the shapes differ.
        """
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
