"""The bundled digit reader: one small network that classifies digits and gives the features for FID.

It reads both MNIST and the embedded digits. ``weights/train_digits_reader.py`` trained it; its measured accuracies
stand there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from gencl.errors import UsageError
from gencl.metrics.reader import FEATURES, LOGITS, Reader
from gencl.scenarios.task import Scenario

WEIGHTS = Path(__file__).parent / "weights" / "digits-reader.safetensors"
VERSION = "1"
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


class DigitsReader(Reader):
    """Reads digits at 28x28: class k is the digit k."""

    name = "digits"
    version = VERSION

    def __init__(self, name: str = "digits", features_list: Sequence[str] = (FEATURES, LOGITS), **_: object) -> None:
        super().__init__(name, features_list, build_network(), (1, SIZE, SIZE), 10)
        if WEIGHTS.exists():
            self.load_state_dict(load_file(WEIGHTS))
        self.eval().requires_grad_(False)

    @classmethod
    def for_scenario(cls, scenario: Scenario, **_: object) -> DigitsReader:
        """The reader. Raises UsageError where the planned tasks show anything but digits at 28x28."""
        classes = [c for task in scenario.planned for c in task.classes]
        names = [scenario.class_names[c] for c in classes]
        if names != [str(c) for c in classes] or scenario.image_shape[1:] != (SIZE, SIZE):
            shape = "x".join(map(str, scenario.image_shape[1:]))
            raise UsageError(
                f"evaluate.features: digits reads the digits 0 to 9 at {SIZE}x{SIZE} only; these images are "
                f"{shape}, of {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}; use auto, reader or none"
            )
        return cls()

    @staticmethod
    def can_be_compiled() -> bool:
        return True

    @staticmethod
    def get_dummy_input_for_compile() -> Tensor:
        return torch.zeros(1, 3, SIZE, SIZE, dtype=torch.uint8)
