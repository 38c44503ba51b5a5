"""The bundled digit reader: one small network that classifies digits and gives the features for FID.

It speaks torch-fidelity's feature-extractor interface, so that torch-fidelity itself can use it, and reads both
MNIST and the embedded digits. ``weights/train_digits_reader.py`` trained it; its measured accuracies stand there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn
from torch_fidelity.feature_extractor_base import FeatureExtractorBase

WEIGHTS = Path(__file__).parent / "weights" / "digits-reader.safetensors"
VERSION = "1"
FEATURES = "128"
LOGITS = "logits"
SIZE = 28


def build_network() -> nn.Sequential:
    """Five convolutions down to 4x4, then the 128 features; input (n, 1, 28, 28) in [0, 1]."""
    return nn.Sequential(
        nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(),
        nn.Conv2d(24, 24, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(24, 48, 3, padding=1), nn.ReLU(),
        nn.Conv2d(48, 48, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(48, 64, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 4 * 4, 128),
    )  # fmt: skip


class DigitsReader(FeatureExtractorBase):  # type: ignore[misc]  # torch-fidelity has no types
    """Reads digits at 28x28.

    Called with uint8 images (n, 1 or 3, 28, 28), it returns a tuple of the requested features: ``"128"``, float32 of
    shape (n, 128), and ``"logits"``, float32 of shape (n, 10), class k being the digit k.
    """

    name = "digits"
    version = VERSION

    def __init__(self, name: str = "digits", features_list: Sequence[str] = (FEATURES, LOGITS), **_: object) -> None:
        super().__init__(name, list(features_list))
        self.trunk = build_network()
        self.head = nn.Linear(128, 10)
        if WEIGHTS.exists():
            self.load_state_dict(load_file(WEIGHTS))
        self.eval().requires_grad_(False)

    def forward(self, input: Tensor) -> tuple[Tensor, ...]:
        if input.dtype != torch.uint8 or input.shape[2:] != (SIZE, SIZE):
            raise ValueError(f"the digit reader takes uint8 images of 28x28, not {input.dtype} {tuple(input.shape)}")
        features = self.read(input.float().mean(1, keepdim=True) / 255)
        found = {FEATURES: features, LOGITS: self.head(F.relu(features))}
        return tuple(found[name] for name in self.features_list)

    def read(self, images: Tensor) -> Tensor:
        """Images (n, 1, 28, 28) in [0, 1] to features (n, 128), before their nonlinearity."""
        features: Tensor = self.trunk(images)
        return features

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return FEATURES, LOGITS

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        return LOGITS if metric == "isc" else FEATURES

    @staticmethod
    def can_be_compiled() -> bool:
        return True

    @staticmethod
    def get_dummy_input_for_compile() -> Tensor:
        return torch.zeros(1, 3, SIZE, SIZE, dtype=torch.uint8)
