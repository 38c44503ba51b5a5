"""The common part of extractors whose weights come in a published file or in one of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from gencl.metrics.photographs import check_pictures
from gencl.metrics.weight_files import Network, find
from gencl.scenarios.task import Scenario

if TYPE_CHECKING:
    from typing_extensions import Self


class ByWeights:
    """Mix-in for extractors of pictures: finds the file of weights and calls the extractor's class with it."""

    name: ClassVar[str]
    weights_of: ClassVar[Network]
    """The network whose weights the file must hold."""

    @classmethod
    def for_scenario(cls, scenario: Scenario, weights: Sequence[str | Path] = (), **_: object) -> Self:
        """Return the extractor with weights from the first of the files that holds them, else the published ones.

        Raises UsageError for images that are not pictures, and the errors of `gencl.metrics.weight_files.find`.
        """
        check_pictures(cls.name, scenario.image_shape)
        return cls.from_weights(weights)

    @classmethod
    def from_weights(cls, weights: Sequence[str | Path] = ()) -> Self:
        """Return the extractor with weights from the first of the files that holds them, else the published ones."""
        weight_file = find(cls.weights_of, weights)
        assert weight_file is not None
        return cls(weight_file)  # type: ignore[call-arg]  # the extractors take it
