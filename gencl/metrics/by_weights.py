"""What the extractors have in common whose weights come in a file that is published, or the user's."""

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
    """Makes an extractor of pictures, which is called with the file of its weights."""

    name: ClassVar[str]
    weights_of: ClassVar[Network]
    """The network that the file must hold."""

    @classmethod
    def for_scenario(cls, scenario: Scenario, weights: Sequence[str | Path] = (), **_: object) -> Self:
        """By the one of the files ``weights`` that holds the network, else by the published weights.

        Raises UsageError for images that are no pictures, and as `gencl.metrics.weight_files.find` does.
        """
        check_pictures(cls.name, scenario.image_shape)
        return cls.from_weights(weights)

    @classmethod
    def from_weights(cls, weights: Sequence[str | Path] = ()) -> Self:
        """By the one of the files ``weights`` that holds the network, else by the published weights."""
        weight_file = find(cls.weights_of, weights)
        assert weight_file is not None
        return cls(weight_file)  # type: ignore[call-arg]  # the extractors take it
