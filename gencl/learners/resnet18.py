"""torchvision's ResNet-18 as a classifier."""

from __future__ import annotations

from functools import partial
from typing import Literal

from pydantic import Field
from torch import nn
from torchvision.models import ResNet18_Weights

from gencl.core.randomness import seeded
from gencl.learners.classifier import Classifier
from gencl.learners.convolutional import WidthSettings, batch_norm, check_size
from gencl.learners.networks.pretrained import Weights, input_of, load_into, tensors_of
from gencl.learners.networks.resnet import GatedResNet18


class ResNet18Settings(WidthSettings):
    """Settings of ResNet-18."""

    name: Literal["resnet18"] = "resnet18"
    stem: Literal["imagenet", "small"] = Field(
        "imagenet",
        description="first layers: a 7x7 convolution with stride 2 and pooling, or a 3x3 convolution (for small "
        "images)",
    )
    weights: Weights = "none"
    later = (*WidthSettings.later, "width")


class ResNet18(Classifier):
    """torchvision's ResNet-18 (He et al. 2016) without its last layer: 512 features (times ``width``).

    ``width: 0.3125`` with ``stem: small`` has 20 channels in place of 64, the reduced ResNet-18 of GEM (Lopez-Paz and
    Ranzato 2017).

    Unless ``heads`` is ``class``, batch normalisation keeps running statistics per task. Methods that give units to
    tasks (HAT, XdG, CLNP) divide the channels of the stem, and the inner and outer ones of each residual block.
    """

    Settings = ResNet18Settings

    def __init__(self, settings: ResNet18Settings, image_shape: tuple[int, int, int], seed: int) -> None:
        check_size("resnet18", image_shape)
        prepare, channels = input_of(settings.weights, image_shape[0], settings.width)
        with seeded(seed, "resnet18"):
            trunk = GatedResNet18(partial(batch_norm, heads=settings.heads), settings.units)
            units = settings.units(64)
            if settings.stem == "small":
                trunk.conv1, trunk.maxpool = nn.Conv2d(channels, units, 3, padding=1, bias=False), nn.Identity()
            elif channels != 3:
                trunk.conv1 = nn.Conv2d(channels, units, 7, 2, 3, bias=False)
            nn.init.kaiming_normal_(trunk.conv1.weight, mode="fan_out", nonlinearity="relu")
        super().__init__(trunk, settings.units(512), settings.heads, prepare, settings.own_layer)
        self.settings = settings

    def load_pretrained(self) -> None:
        if self.settings.weights != "none":
            load_into(tensors_of(self.trunk), self.settings.weights, ResNet18_Weights.IMAGENET1K_V1)
