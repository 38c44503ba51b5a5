"""Which feature extractor measures a scenario."""

from __future__ import annotations

from torch import nn

from gencl.metrics import EXTRACTORS
from gencl.metrics.trained_reader import unsuited
from gencl.scenarios.task import Scenario
from gencl.settings import EvaluateSettings
from gencl.training.progress import Mode


def make_extractor(scenario: Scenario, settings: EvaluateSettings, progress: Mode = "auto") -> nn.Module | None:
    """The extractor that ``evaluate.features`` names, on the CPU, or None.

    ``auto`` is the one that the data set names, else a reader trained on the data sets' own training images, else none.
    An extractor's class may have ``for_scenario(scenario, split=..., progress=...)``, which makes it for the images.

    Raises UsageError where no extractor has that name or it does not suit the images.
    """
    name: str | None = settings.features
    if name == "auto":
        name = scenario.reader or (None if unsuited(scenario) else "reader")
    if name is None or name == "none":
        return None
    kind = EXTRACTORS.get(name)
    made: nn.Module
    if hasattr(kind, "for_scenario"):
        made = kind.for_scenario(scenario, split=settings.split, progress=progress)
    else:
        made = kind()
    return made
