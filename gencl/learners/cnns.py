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
    """Convolutions 3 x 3 of 32, 32, 64, 64 channels, pooled twice, and 512 units (CLNP table 2, with a head per task).

    ReLU follows each; poolings are 3 x 3 with stride 2. Dropout: 0.25 after each pooling, 0.5 before the head.
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
    """Convolutions 3 x 3 of 128, 256, 512, 1024, 2048 channels with batch normalisation and ReLU (CLNP table 3).

    There the classes follow by a sixth convolution 3 x 3 and the mean over its positions. Both are linear, so that the
    mean may come first: for each of the nine places in the kernel, over all positions that it looks at. So the head is
    a linear layer over nine means of each unit, with the weights and outputs of the paper's layer. (Images so small
    that fewer than 3 x 3 positions are left have as many means as positions.)
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
