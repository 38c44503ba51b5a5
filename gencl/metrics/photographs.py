"""What the networks that learned from photographs share: they take any picture and resize it themselves."""

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
"""Fewer pixels a side cannot be enlarged."""
AT_ONCE, AT_ONCE_ON_CPU = 128, 4
"""So many images go through a network together; on a CPU few are faster, since its caches are small."""


def are_pictures(shape: Sequence[int]) -> bool:
    """Whether images of ``shape`` (channels, height, width) are grey or RGB and large enough to be enlarged."""
    channels, *sides = shape
    return channels in (1, 3) and min(sides) >= SMALLEST


def check_pictures(name: str, shape: Sequence[int]) -> None:
    """Raise UsageError if images of ``shape`` are no pictures, which the extractor ``name`` takes."""
    if not are_pictures(shape):
        found = "x".join(map(str, shape))
        raise UsageError(
            f"evaluate.features: {name} takes images of 1 or 3 channels and {SMALLEST}x{SMALLEST} or more, not {found}"
        )


def scaled(images: Tensor, size: tuple[int, int], mode: str) -> Tensor:
    """Images (n, c, h, w) in 0 ... 255 as float of ``size`` (height, width), with antialiasing."""
    return F.interpolate(images.float(), size=size, mode=mode, align_corners=False, antialias=True).clamp(0, 255)


class PhotographFeatures(FeatureExtractorBase):  # type: ignore[misc]  # torch-fidelity has no types
    """Speaks torch-fidelity's feature-extractor interface; a subclass says how images are scaled and what is read.

    Called with uint8 images (n, 1 or 3, h, w), it returns a tuple of float32: the features (n, d), and the logits
    (n, classes) of the network's own classifier.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    """The network's name in tables."""
    side: ClassVar[int]
    """The network's input has so many pixels a side."""
    classifies: ClassVar[bool] = True
    """Whether the network has a classifier, whose logits the Inception score needs."""

    def __init__(self) -> None:
        super().__init__(self.name, [FEATURES, LOGITS])
        self.resize = f"{self.side}x{self.side}"

    def read(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features and logits of images (n, 3, side, side) in 0 ... 255."""
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
        """Images (n, 1 or 3, h, w) as float (n, 3, side, side), in 0 ... 255; grey ones get three equal channels."""
        return scaled(images, (self.side, self.side), "bilinear").expand(-1, 3, -1, -1)

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return FEATURES, LOGITS
