"""Distances in the features of additional extractors (``evaluate.also``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from gencl.core.errors import UsageError
from gencl.core.progress import Mode
from gencl.core.settings import EvaluateSettings
from gencl.core.waiting import say
from gencl.metrics import EXTRACTORS
from gencl.metrics.extractors import make_extractor
from gencl.metrics.metric import Metric, needs_extractor
from gencl.metrics.snapshot import Snapshot
from gencl.scenarios.task import Scenario, Task


class Beside(Metric):
    """A distance in the features of an additional extractor, measured once, after the last task.

    It is named after both, such as ``fid_fashion``; `gencl.metrics.figures` derives its label and meaning.
    """

    when = "at the end"
    of_images = True
    applies = staticmethod(needs_extractor)

    def __init__(self, distance: Metric, extractor: nn.Module) -> None:
        self.name = f"{distance.name}_{extractor.name}"
        self.distance, self.extractor, self.pooled = distance, extractor, distance.pooled

    def measure(self, snapshot: Snapshot, task: Task) -> float | None:
        """Return the distance, or None if it is undefined."""
        return self.distance.measure(snapshot.read_by(self.extractor), task)


def further_extractors(
    names: Sequence[str],
    scenario: Scenario,
    settings: EvaluateSettings,
    first: nn.Module | None,
    progress: Mode,
    weights: Sequence[str | Path],
) -> list[nn.Module]:
    """Return the extractors with these names, on the CPU, except the ``first`` one.

    An extractor that does not suit the images is skipped with a message, so that a preset's ``evaluate.also`` does not
    forbid other images. Raises UsageError for an unknown name.
    """
    made: list[nn.Module] = []
    for name in dict.fromkeys(names):
        EXTRACTORS.get(name)
        if first is not None and first.name == name:
            continue
        try:
            extractor = make_extractor(scenario, settings.model_copy(update={"features": name}), progress, weights)
        except UsageError as error:
            say(f"evaluate.also: {name} is left out: {str(error).removeprefix('evaluate.features: ')}", progress)
            continue
        assert extractor is not None
        made.append(extractor)
    return made
