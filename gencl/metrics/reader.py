"""Small classifiers of images, whose last hidden layer provides the features for distances."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_fidelity.feature_extractor_base import FeatureExtractorBase

FEATURES = "128"
LOGITS = "logits"


class Reader(FeatureExtractorBase):  # type: ignore[misc]  # torch-fidelity has no types
    """A classifier with torch-fidelity's feature-extractor interface, so that torch-fidelity itself can use it.

    Called with uint8 images (n, channels, height, width), it returns a tuple of the requested features: ``"128"``,
    float32 of shape (n, 128), and ``"logits"``, float32 of shape (n, classes). A classifier of grey images takes RGB
    too. Raises ValueError for other inputs.

    Args:
        name: the extractor's name.
        features_list: the features that a call returns, in this order.
        trunk: network from images in [0, 1] to 128 features, before their nonlinearity.
        shape: (channels, height, width) of the images.
        classes: the number of classes.
    """

    version = ""
    reads_classes = True

    def __init__(
        self, name: str, features_list: Sequence[str], trunk: nn.Module, shape: Sequence[int], classes: int
    ) -> None:
        super().__init__(name, list(features_list))
        self.trunk = trunk
        self.head = nn.Linear(128, classes)
        self.shape = tuple(shape)

    def forward(self, input: Tensor) -> tuple[Tensor, ...]:
        channels, *sides = self.shape
        if input.dtype != torch.uint8 or list(input.shape[2:]) != sides or input.shape[1] not in (channels, 3):
            size = "x".join(map(str, sides))
            raise ValueError(
                f"the {self.name} extractor takes uint8 images of {channels} channels and {size}, "
                f"not {input.dtype} {tuple(input.shape)}"
            )
        images = input.float()
        features = self.read((images.mean(1, keepdim=True) if channels == 1 else images) / 255)
        outputs = {FEATURES: features, LOGITS: self.head(F.relu(features))}
        return tuple(outputs[name] for name in self.features_list)

    def read(self, images: Tensor) -> Tensor:
        """Return the features (n, 128), before their nonlinearity, of images (n, channels, height, width) in [0, 1]."""
        features: Tensor = self.trunk(images)
        return features

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return FEATURES, LOGITS

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        return LOGITS if metric == "isc" else FEATURES
