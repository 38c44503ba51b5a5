"""Classifiers whose weights come with gencl: one small network for grey images of 28x28."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from safetensors.torch import load_file
from torch import nn

from gencl.metrics.reader import FEATURES, LOGITS, Reader

FOLDER = Path(__file__).parent / "weights"
SIZE = 28


def build_network() -> nn.Sequential:
    """Return five convolutions down to 4x4, then a linear layer to 128 features; input (n, 1, 28, 28) in [0, 1]."""
    return nn.Sequential(
        nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(),
        nn.Conv2d(24, 24, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(24, 48, 3, padding=1), nn.ReLU(),
        nn.Conv2d(48, 48, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(48, 64, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 4 * 4, 128),
    )  # fmt: skip


class BundledReader(Reader):
    """A classifier of ten classes at 28x28 with the weights in the file ``weights``.

    ``trained=False`` does not load them, for the script that makes them. Raises FileNotFoundError if the installation
    lacks the file.
    """

    weights: ClassVar[Path]

    def __init__(
        self, name: str = "", features_list: Sequence[str] = (FEATURES, LOGITS), trained: bool = True, **_: object
    ) -> None:
        super().__init__(name or self.name, features_list, build_network(), (1, SIZE, SIZE), 10)
        if trained:
            self.load_state_dict(load_file(self.weights))
        self.eval().requires_grad_(False)
