"""The multi-layer perceptron."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from gencl.core.randomness import seeded
from gencl.learners.classifier import Classifier
from gencl.learners.heads import ClassifierSettings
from gencl.learners.networks.trunk import Dropout, Hidden, Trunk


class MLPSettings(ClassifierSettings):
    """Settings of the multi-layer perceptron."""

    name: Literal["mlp"] = "mlp"
    hidden: list[Annotated[int, Field(ge=1, le=65_536)]] = Field(
        [512, 256], description="units of the hidden layers; none: one layer from pixels to classes"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="share of hidden units left out at each step")


class MLPClassifier(Classifier):
    """Fully connected layers with ReLU on the flattened image."""

    Settings = MLPSettings

    def __init__(self, settings: MLPSettings, image_shape: tuple[int, int, int], seed: int) -> None:
        channels, height, width = image_shape
        widths = [channels * height * width, *settings.hidden]
        drop = [Dropout(settings.dropout)] if settings.dropout else []
        with seeded(seed, "mlp"):
            layers = [Hidden(nn.Linear(inner, outer), nn.ReLU(), *drop) for inner, outer in pairwise(widths)]
        super().__init__(Trunk(layers, widths[0]), widths[-1], settings.heads)
        self.settings = settings
