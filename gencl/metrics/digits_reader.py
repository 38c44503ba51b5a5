"""The bundled digit classifier, a small network whose features serve for distances between images of digits.

It classifies both MNIST and the embedded digits. ``weights/train_reader.py`` trained it and lists its accuracies. It
learned their training images, of which validation images are a part: distances to these compare methods with each
other, and may be lower than those to test images.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gencl.core.errors import UsageError
from gencl.metrics.bundled import FOLDER, SIZE, BundledReader
from gencl.scenarios.task import Scenario

VERSION = "1"


class DigitsReader(BundledReader):
    """Classifies digits at 28x28: class k is the digit k."""

    name = "digits"
    version = VERSION
    weights = FOLDER / "digits-reader.safetensors"

    @classmethod
    def for_scenario(cls, scenario: Scenario, **_: object) -> DigitsReader:
        """Return the classifier. Raises UsageError if the planned tasks show anything but digits at 28x28."""
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
