"""The common part of extractors trained on photographs: they take pictures of any size and resize them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_fidelity.feature_extractor_base import FeatureExtractorBase

from gencl.core.errors import UsageError

FEATURES, LOGITS = "features", "logits"
SMALLEST = 2
"""Fewest pixels per side that can be enlarged."""
AT_ONCE, AT_ONCE_ON_CPU = 128, 4
"""Images per forward pass. On a CPU few are faster, since its caches are small."""


def are_pictures(shape: Sequence[int]) -> bool:
    """Return whether images of ``shape`` (channels, height, width) are grey or RGB and large enough to be enlarged."""
    channels, *sides = shape
    return channels in (1, 3) and min(sides) >= SMALLEST


def check_pictures(name: str, shape: Sequence[int]) -> None:
    """Raise UsageError if images of ``shape`` are not pictures, as the extractor called ``name`` needs."""
    if not are_pictures(shape):
        found = "x".join(map(str, shape))
        raise UsageError(
            f"evaluate.features: {name} takes images of 1 or 3 channels and {SMALLEST}x{SMALLEST} or more, not {found}"
        )


def scaled(images: Tensor, size: tuple[int, int], mode: str) -> Tensor:
    """Return images (n, c, h, w) in 0 ... 255 as float, resized to ``size`` (height, width) with antialiasing."""
    return F.interpolate(images.float(), size=size, mode=mode, align_corners=False, antialias=True).clamp(0, 255)


class PhotographFeatures(FeatureExtractorBase):  # type: ignore[misc]  # torch-fidelity has no types
    """Base class with torch-fidelity's feature-extractor interface; subclasses define `read` and may resize otherwise.

    Called with uint8 images (n, 1 or 3, h, w), it returns a tuple of float32: the features (n, d), and the logits
    (n, classes) of the network's classifier. Raises ValueError for other inputs.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    """The network's name in tables."""
    side: ClassVar[int]
    """Pixels per side of the network's input."""
    classifies: ClassVar[bool] = True
    """Whether the network has a classifier, whose logits the Inception score needs."""

    def __init__(self) -> None:
        super().__init__(self.name, [FEATURES, LOGITS])
        self.resize = f"{self.side}x{self.side}"

    def read(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and logits of images (n, 3, side, side) in 0 ... 255."""
        raise NotImplementedError

    def forward(self, input: Tensor) -> tuple[Tensor, ...]:
        if input.dtype != torch.uint8 or input.shape[1] not in (1, 3):
            raise ValueError(
                f"the {self.name} extractor takes uint8 images of 1 or 3 channels, "
                f"not {input.dtype} {tuple(input.shape)}"
            )
        size = AT_ONCE_ON_CPU if input.device.type == "cpu" else AT_ONCE
        parts = [self.read(self.resized(images)) for images in input.split(size)]
        return tuple(torch.cat(outputs) for outputs in zip(*parts, strict=True))

    def resized(self, images: Tensor) -> Tensor:
        """Return images (n, 1 or 3, h, w) as float (n, 3, side, side) in 0 ... 255; grey is repeated in 3 channels."""
        return scaled(images, (self.side, self.side), "bilinear").expand(-1, 3, -1, -1)

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return FEATURES, LOGITS
