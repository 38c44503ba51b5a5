"""Which feature extractor measures a scenario."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from gencl.core.progress import Mode
from gencl.core.settings import EvaluateSettings
from gencl.core.waiting import say
from gencl.metrics import EXTRACTORS
from gencl.metrics.imagenet_lite0 import EXTRA
from gencl.metrics.lessons import unsuited
from gencl.metrics.photographs import are_pictures
from gencl.metrics.trained_reader import TrainedReader
from gencl.metrics.weight_files import INCEPTION, find
from gencl.scenarios.task import Scenario

ADVICE = f"{EXTRA.install} (17 MB), or --set evaluate.features=inception, which downloads its weights"
"""What a person can do who has no network for pictures."""
RECOGNISABLE = 48
"""In pictures of fewer pixels a side a network of ImageNet recognises little, and a reader of their classes goes first.
"""


def named(
    scenario: Scenario, settings: EvaluateSettings, progress: Mode = "auto", weights: Sequence[str | Path] = ()
) -> str:
    """The name of the extractor that ``evaluate.features`` asks for, or ``none``. For ``auto`` it is the one that
    `automatic` chooses; if none is here, a line says what to install."""
    if settings.features != "auto":
        return settings.features
    name = automatic(scenario, weights)
    if name is None and are_pictures(scenario.image_shape):
        say(f"no network is here that measures these pictures, so there is no distance: {ADVICE}", progress)
    return name or "none"


def make_extractor(
    scenario: Scenario, settings: EvaluateSettings, progress: Mode = "auto", weights: Sequence[str | Path] = ()
) -> nn.Module | None:
    """The extractor that ``evaluate.features`` names, on the CPU, or None: see `named`.

    An extractor's class may have ``for_scenario(scenario, split=..., progress=..., weights=...)``, which makes it for
    the images.

    Raises UsageError where no extractor has that name or it does not suit the images.
    """
    name = named(scenario, settings, progress, weights)
    if name == "none":
        return None
    kind = EXTRACTORS.get(name)
    made: nn.Module
    if hasattr(kind, "for_scenario"):
        made = kind.for_scenario(scenario, split=settings.split, progress=progress, weights=weights)
    else:
        made = kind()
    return made


def make_reader(
    scenario: Scenario, settings: EvaluateSettings, extractor: nn.Module | None, progress: Mode = "auto"
) -> nn.Module | None:
    """What reads which of the scenario's classes an image shows, on the CPU, or None.

    It is the extractor itself if that knows the classes. Beside a network of photographs that `automatic` chose for
    labelled images, it is a reader trained on them: only their distances are measured in the network's features.
    """
    if extractor is None or getattr(extractor, "reads_classes", False):
        return extractor
    if settings.features != "auto" or scenario.reader or unsuited(scenario):
        return None
    return TrainedReader.for_scenario(scenario, split=settings.split, progress=progress)


def automatic(scenario: Scenario, weights: Sequence[str | Path] = ()) -> str | None:
    """The extractor that suits a scenario best of those that are here; None if none does.

    It is the one that the data set names, else a reader trained on the data sets' own training images, else
    `of_photographs`. Colour pictures in folders get the latter first, even if sub-folders are classes: such folders
    hold few pictures, and a network of ImageNet has seen more than a reader could learn there.
    """
    if scenario.reader:
        return scenario.reader
    channels, *sides = scenario.image_shape
    colour = channels == 3 and min(sides) >= RECOGNISABLE
    readable = not unsuited(scenario)
    if readable and not (colour and all(source.pictures for source in scenario.sources)):
        return "reader"
    chosen = of_photographs(weights) if are_pictures(scenario.image_shape) else None
    return chosen or ("reader" if readable else None)


def of_photographs(weights: Sequence[str | Path] = ()) -> str | None:
    """The network trained on photographs that needs no download: Inception if one of the files ``weights`` or the cache
    holds it, else EfficientNet-Lite0 if it is installed, else None."""
    if find(INCEPTION, weights, download=False) is not None:
        return "inception"
    return None if EXTRA.missing() else "imagenet-lite0"
