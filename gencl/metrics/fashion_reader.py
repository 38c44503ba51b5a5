"""The bundled reader of clothes: features for distances of digits, from a network that never saw a digit.

A classifier of digits has seen the training images that a generator is measured beside; these features know nothing of
them. ``weights/train_reader.py`` trained it.
"""

from __future__ import annotations

from gencl.core.errors import UsageError
from gencl.metrics.bundled import FOLDER, SIZE, BundledReader
from gencl.scenarios.task import Scenario


class FashionReader(BundledReader):
    """Features of images of 28x28. Its classes are Fashion-MNIST's, not those of the images that it is shown."""

    name = "fashion"
    version = "1"
    reads_classes = False
    weights = FOLDER / "fashion-reader.safetensors"

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
