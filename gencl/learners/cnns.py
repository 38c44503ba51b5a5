"""The two convolutional networks of continual learning via neural pruning (Golkar, Kagan & Cho, 2019)."""

from __future__ import annotations

from typing import Literal

from torch import nn

from gencl.core.randomness import seeded
from gencl.learners.classifier import Classifier
from gencl.learners.convolutional import WidthSettings, batch_norm, check_size
from gencl.learners.networks.trunk import Dropout, Hidden, Trunk


class NarrowCNNSettings(WidthSettings):
    """Settings of the narrow network."""

    name: Literal["cnn-narrow"] = "cnn-narrow"


class NarrowCNN(Classifier):
    """3 x 3 convolutions of 32, 32, 64, 64 channels and 512 hidden units (CLNP table 2, with one head per task).

    ReLU follows each layer. Max pooling, 3 x 3 with stride 2, follows the second and fourth convolution. Dropout is
    0.25 after each pooling and 0.5 before the head.
    """

    Settings = NarrowCNNSettings

    def __init__(self, settings: NarrowCNNSettings, image_shape: tuple[int, int, int], seed: int) -> None:
        check_size("cnn-narrow", image_shape)
        inputs, height, width = image_shape
        layers: list[Hidden] = []
        with seeded(seed, "cnn-narrow"):
            for original, pooled in ((32, False), (32, True), (64, False), (64, True)):
                outputs = settings.units(original)
                rest = [nn.MaxPool2d(3, 2, 1), Dropout(0.25)] if pooled else []
                layers.append(Hidden(nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), *rest))
                inputs = outputs
            pixels = -(-height // 4) * -(-width // 4)
            layers.append(Hidden(nn.Linear(inputs * pixels, settings.units(512)), nn.ReLU(), Dropout(0.5)))
        super().__init__(Trunk(layers), settings.units(512), settings.heads, own_layer=settings.own_layer)
        self.settings = settings


class WideCNNSettings(WidthSettings):
    """Settings of the wide network."""

    name: Literal["cnn-wide"] = "cnn-wide"


class WideCNN(Classifier):
    """3 x 3 convolutions of 128, 256, 512, 1024, 2048 channels with batch normalisation and ReLU (CLNP table 3).

    The paper computes the classes by a sixth 3 x 3 convolution and the mean over its positions. Both are linear, so the
    mean may come first: one mean for each of the nine entries of the kernel, over all positions that the entry covers.
    The head is therefore a linear layer on nine means per unit, with the weights and outputs of the paper's layer. If
    fewer than 3 x 3 positions are left of a small image, there are as many means as positions.
    """

    Settings = WideCNNSettings

    def __init__(self, settings: WideCNNSettings, image_shape: tuple[int, int, int], seed: int) -> None:
        check_size("cnn-wide", image_shape)
        inputs, *size = image_shape
        layers: list[Hidden] = []
        with seeded(seed, "cnn-wide"):
            for original, stride, padding in ((128, 1, 1), (256, 2, 0), (512, 1, 0), (1024, 2, 1), (2048, 1, 0)):
                outputs = settings.units(original)
                size = [(side + 2 * padding - 3) // stride + 1 for side in size]
                looked_at = max(1, size[0] - 2), max(1, size[1] - 2)
                means = [nn.AvgPool2d(looked_at, 1)] if original == 2048 else []
                norm = batch_norm(outputs, settings.heads)
                layers.append(Hidden(nn.Conv2d(inputs, outputs, 3, stride, padding), norm, nn.ReLU(), *means))
                inputs = outputs
        trunk = Trunk(layers, positions=min(3, size[0]) * min(3, size[1]))
        super().__init__(trunk, trunk.features, settings.heads, own_layer=settings.own_layer)
        self.settings = settings
