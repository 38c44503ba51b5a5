"""LeNet, as used in the papers on pruning."""

from __future__ import annotations

from typing import Literal

from torch import nn

from gencl.core.randomness import seeded
from gencl.learners.classifier import Classifier
from gencl.learners.convolutional import check_size
from gencl.learners.heads import ClassifierSettings
from gencl.learners.networks.trunk import Hidden, Trunk


class LeNetSettings(ClassifierSettings):
    """Settings of LeNet: those of every classifier."""

    name: Literal["lenet"] = "lenet"


class LeNet(Classifier):
    """5 x 5 convolutions of 32 and 64 channels, each pooled by 2; fully connected layers of 512 and 256 units; ReLU.

    On MNIST the layers have 800 + 32, 51,200 + 64, 1,605,632 + 512 and 131,072 + 256 weights and biases, 1,789,568 in
    all (ANPyC table IV, appendix B). The paper does not count the head, which has 2,570 for ten classes.
    """

    Settings = LeNetSettings

    def __init__(self, settings: LeNetSettings, image_shape: tuple[int, int, int], seed: int) -> None:
        check_size("lenet", image_shape)
        channels, height, width = image_shape
        with seeded(seed, "lenet"):
            layers = [
                Hidden(nn.Conv2d(channels, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
                Hidden(nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
                Hidden(nn.Linear(64 * (height // 4) * (width // 4), 512), nn.ReLU()),
                Hidden(nn.Linear(512, 256), nn.ReLU()),
            ]
        super().__init__(Trunk(layers), 256, settings.heads, own_layer=settings.own_layer)
        self.settings = settings
