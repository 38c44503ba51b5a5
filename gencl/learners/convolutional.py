"""Common parts of convolutional classifiers: smallest image, width factor, and the norm that suits the heads."""

from __future__ import annotations

from pydantic import Field
from torch import nn

from gencl.core.errors import UsageError
from gencl.learners.heads import ClassifierSettings
from gencl.learners.networks.norms import BatchNorm2d, TaskBatchNorm2d

SMALLEST = 16
"""The smallest height and width of an image, in pixels: pooling would leave nothing of smaller ones."""


class WidthSettings(ClassifierSettings):
    """Settings of networks that can be made narrower or wider."""

    width: float = Field(1.0, gt=0, le=8, description="factor on the number of units of every hidden layer")

    def units(self, of_original: int) -> int:
        """Return the number of units of a layer that has ``of_original`` units in the original network."""
        return max(1, round(self.width * of_original))


def check_size(network: str, image_shape: tuple[int, int, int]) -> None:
    """Raise UsageError if images (channels, height, width) are too small for convolutional networks."""
    _, height, width = image_shape
    if min(height, width) < SMALLEST:
        raise UsageError(
            f"model.name: {network} takes images of {SMALLEST} x {SMALLEST} pixels or more, not {height} x {width}; "
            "enlarge them by data.size=32"
        )


def batch_norm(channels: int, heads: str) -> nn.Module:
    """Return batch normalisation: with statistics per task unless ``heads`` is ``class``, where no task is known."""
    return BatchNorm2d(channels) if heads == "class" else TaskBatchNorm2d(channels)
