"""Which feature extractor measures a scenario."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from gencl.core.progress import Mode
from gencl.core.settings import EvaluateSettings
from gencl.metrics import EXTRACTORS
from gencl.metrics.lessons import unsuited
from gencl.metrics.weight_files import INCEPTION
from gencl.scenarios.task import Scenario


def make_extractor(
    scenario: Scenario, settings: EvaluateSettings, progress: Mode = "auto", weights: Sequence[str | Path] = ()
) -> nn.Module | None:
    """The extractor that ``evaluate.features`` names, on the CPU, or None.

    ``auto`` is the one that the data set names, else a reader trained on the data sets' own training images, else
    Inception where its weights are in the cache, else none. An extractor's class may have ``for_scenario(scenario,
    split=..., progress=..., weights=...)``, which makes it for the images.

    Raises UsageError where no extractor has that name or it does not suit the images.
    """
    name: str | None = settings.features
    if name == "auto":
        inception = "inception" if INCEPTION.published.present() else None
        name = scenario.reader or (inception if unsuited(scenario) else "reader")
    if name is None or name == "none":
        return None
    kind = EXTRACTORS.get(name)
    made: nn.Module
    if hasattr(kind, "for_scenario"):
        made = kind.for_scenario(scenario, split=settings.split, progress=progress, weights=weights)
    else:
        made = kind()
    return made
