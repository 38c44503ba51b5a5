"""The bundled classifier of clothes: features for distances between digits, from a network that never saw a digit.

A digit classifier has seen the same training images as the generators that it measures; this network has not.
``weights/train_reader.py`` trained it.
"""

from __future__ import annotations

from gencl.core.errors import UsageError
from gencl.metrics.bundled import FOLDER, SIZE, BundledReader
from gencl.scenarios.task import Scenario


class FashionReader(BundledReader):
    """Features of 28x28 images. Its classes are Fashion-MNIST's, not those of the measured images."""

    name = "fashion"
    version = "1"
    reads_classes = False
    weights = FOLDER / "fashion-reader.safetensors"

    @classmethod
    def for_scenario(cls, scenario: Scenario, **_: object) -> FashionReader:
        """Return the extractor. Raises UsageError for other sizes, and for Fashion-MNIST, its training data."""
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
