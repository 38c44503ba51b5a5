"""Distances in the features of further extractors (``evaluate.also``), beside those of the first one."""

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
    """A distance in the features of another extractor, measured once, after the last task.

    Its name is the distance's and the extractor's, ``fid_fashion``; `gencl.metrics.figures` knows such figures.
    """

    when = "at the end"
    of_images = True
    applies = staticmethod(needs_extractor)

    def __init__(self, distance: Metric, extractor: nn.Module) -> None:
        self.name = f"{distance.name}_{extractor.name}"
        self.distance, self.extractor, self.pooled = distance, extractor, distance.pooled

    def measure(self, snapshot: Snapshot, task: Task) -> float | None:
        """None where the distance has no value."""
        return self.distance.measure(snapshot.read_by(self.extractor), task)


def further_extractors(
    names: Sequence[str],
    scenario: Scenario,
    settings: EvaluateSettings,
    first: nn.Module | None,
    progress: Mode,
    weights: Sequence[str | Path],
) -> list[nn.Module]:
    """Return the extractors of these names, on the CPU, without the ``first`` one.

    An extractor that does not suit the images is left out, and a line says why: a preset's own choice must not stand in
    the way of other images. Raises UsageError for an unknown name.
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
