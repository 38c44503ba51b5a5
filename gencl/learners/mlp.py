"""The multi-layer perceptron."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from gencl.core.randomness import seeded
from gencl.learners.classifier import Classifier
from gencl.learners.heads import ClassifierSettings
from gencl.learners.networks.trunk import Dropout, Hidden, Trunk


class MLPSettings(ClassifierSettings):
    """Settings of the multi-layer perceptron."""

    name: Literal["mlp"] = "mlp"
    hidden: list[Annotated[int, Field(ge=1, le=65_536)]] = Field(
        [512, 256], description="units of each hidden layer; an empty list makes a linear classifier"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout probability of hidden units")
    inputs: Literal["unit", "signed"] = Field(
        "unit",
        description="range of the input pixels: 0 to 1, or -1 to 1 (patterns of random bits are uncorrelated then)",
    )
    start: Literal["uniform", "gaussian"] = Field(
        "uniform", description="initial weights: PyTorch's default, or N(0, 0.1^2) with zero biases as in the papers"
    )
    later = (*ClassifierSettings.later, "inputs", "start")


class Signed(nn.Module):
    """Scales pixels from [0, 1] to [-1, 1]."""

    def forward(self, images: Tensor) -> Tensor:
        return 2 * images - 1


class MLPClassifier(Classifier):
    """Fully connected layers with ReLU on the flattened image."""

    Settings = MLPSettings

    def __init__(self, settings: MLPSettings, image_shape: tuple[int, int, int], seed: int) -> None:
        channels, height, width = image_shape
        widths = [channels * height * width, *settings.hidden]
        drop = [Dropout(settings.dropout)] if settings.dropout else []
        with seeded(seed, "mlp"):
            layers = [Hidden(nn.Linear(inner, outer), nn.ReLU(), *drop) for inner, outer in pairwise(widths)]
            for layer in layers if settings.start == "gaussian" else ():
                nn.init.normal_(layer.linear.weight, std=0.1)
                nn.init.zeros_(layer.linear.get_parameter("bias"))
        prepare = Signed() if settings.inputs == "signed" else None
        super().__init__(Trunk(layers, widths[0]), widths[-1], settings.heads, prepare, settings.own_layer)
        self.settings = settings
