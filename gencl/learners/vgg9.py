"""VGG with nine weight layers and batch normalisation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from gencl.core.randomness import seeded
from gencl.learners.classifier import Classifier
from gencl.learners.convolutional import WidthSettings, batch_norm, check_size
from gencl.learners.networks.pretrained import Weights, input_of, load_into, tensors_of
from gencl.learners.networks.trunk import Hidden, Trunk

BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512))
"""Channels of the convolutions. Each block ends with a pooling by 2; only ``convolutions: 9`` has the last block."""


class VGG9Settings(WidthSettings):
    """Settings of VGG-9."""

    name: Literal["vgg9"] = "vgg9"
    weights: Weights = "none"
    convolutions: Literal[7, 9] = Field(
        7,
        description="7: seven convolutions and a fully connected layer before the head; 9: nine convolutions before "
        "the head",
    )
    later = (*WidthSettings.later, "convolutions")


class VGG9(Classifier):
    """Seven 3 x 3 convolutions, a fully connected layer of 512 units and the head: nine weight layers.

    SPP section 4.2 names "VGG with 9 layers and batch normalization layer" without further detail. ANPyC section IV-B.2
    speaks of "9 convolutional layers and a batch normalization layer". ``convolutions: 9`` is the second reading: the
    first nine convolutions of VGG-16, the mean over positions, and the head. In both, batch normalisation and ReLU
    follow each convolution. Unless ``heads`` is ``class``, each task has its own running statistics, so that images of
    later tasks do not change the outputs of older ones.

    ``weights: imagenet`` initialises the convolutions and norms from torchvision's VGG-16 with batch normalisation,
    whose first layers are the same (with ``width: 1``). The fully connected layer is initialised at random, and running
    statistics per task start afresh.
    """

    Settings = VGG9Settings

    def __init__(self, settings: VGG9Settings, image_shape: tuple[int, int, int], seed: int) -> None:
        check_size("vgg9", image_shape)
        channels, height, width = image_shape
        prepare, inputs = input_of(settings.weights, channels, settings.width)
        layers: list[Hidden] = []
        all_convolutions = settings.convolutions == 9
        with seeded(seed, "vgg9"):
            for block in BLOCKS if all_convolutions else BLOCKS[:-1]:
                for number, original in enumerate(block):
                    outputs = settings.units(original)
                    pool = [nn.MaxPool2d(2)] if number == len(block) - 1 else []
                    norm = batch_norm(outputs, settings.heads)
                    layers.append(Hidden(nn.Conv2d(inputs, outputs, 3, padding=1), norm, nn.ReLU(), *pool))
                    inputs = outputs
            convolutions = [*layers]
            if not all_convolutions:
                pixels = (height // 8) * (width // 8)
                layers.append(Hidden(nn.Linear(inputs * pixels, settings.units(512)), nn.ReLU()))
        super().__init__(Trunk(layers), settings.units(512), settings.heads, prepare, settings.own_layer)
        self.settings = settings
        self._convolutions = convolutions

    def load_pretrained(self) -> None:
        if self.settings.weights == "none":
            return
        from torchvision.models import VGG16_BN_Weights

        targets: dict[str, Tensor] = {}
        place = 0  # index in torchvision's list of convolutions, norms, activations and poolings
        for layer in self._convolutions:
            for module in (layer.linear, layer.rest[0]):
                targets |= {f"features.{place}.{name}": tensor for name, tensor in tensors_of(module).items()}
                place += 1
            place += len(layer.rest) - 1
        load_into(targets, self.settings.weights, VGG16_BN_Weights.IMAGENET1K_V1)
