"""The bundled reader of clothes: features for FID and KID of digits, from a network that never saw a digit.

Features of a network that was trained on the training images draw these together, so that real training images seem far
from real held-out ones. These features know nothing of either. ``weights/train_fashion_reader.py`` trained it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load_file

from gencl.errors import UsageError
from gencl.metrics.digits_reader import SIZE, build_network
from gencl.metrics.reader import FEATURES, LOGITS, Reader
from gencl.scenarios.task import Scenario

WEIGHTS = Path(__file__).parent / "weights" / "fashion-reader.safetensors"


class FashionReader(Reader):
    """Features of images of 28x28. Its classes are Fashion-MNIST's, not those of the images that it is shown."""

    name = "fashion"
    version = "1"
    reads_classes = False

    def __init__(self, name: str = "fashion", features_list: Sequence[str] = (FEATURES, LOGITS), **_: object) -> None:
        super().__init__(name, features_list, build_network(), (1, SIZE, SIZE), 10)
        if WEIGHTS.exists():
            self.load_state_dict(load_file(WEIGHTS))
        self.eval().requires_grad_(False)

    @classmethod
    def for_scenario(cls, scenario: Scenario, **_: object) -> FashionReader:
        """The reader. Raises UsageError for images of other sizes, and for the images that it was trained on."""
        shape = "x".join(map(str, scenario.image_shape[1:]))
        if scenario.image_shape[1:] != (SIZE, SIZE):
            raise UsageError(
                f"evaluate.features: fashion reads {SIZE}x{SIZE} only, and these images are {shape}; use auto"
            )
        if any(source.name == "fashion-mnist" for source in scenario.sources):
            raise UsageError(
                "evaluate.features: fashion was trained on Fashion-MNIST, which is measured here; use reader"
            )
        return cls()
