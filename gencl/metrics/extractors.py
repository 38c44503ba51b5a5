"""Chooses and builds the feature extractor for a scenario."""

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
"""What to install or set if no network for pictures is available."""
RECOGNISABLE = 48
"""In pictures with fewer pixels per side, ImageNet networks recognise little, so a trained classifier is preferred."""


def named(
    scenario: Scenario, settings: EvaluateSettings, progress: Mode = "auto", weights: Sequence[str | Path] = ()
) -> str:
    """Return the name of the extractor that ``evaluate.features`` asks for, or ``none``.

    For ``auto`` it is the choice of `automatic`. If that finds none for pictures, a message says what to install.
    """
    if settings.features != "auto":
        return settings.features
    name = automatic(scenario, weights)
    if name is None and are_pictures(scenario.image_shape):
        say(f"no network is here that measures these pictures, so there is no distance: {ADVICE}", progress)
    return name or "none"


def make_extractor(
    scenario: Scenario, settings: EvaluateSettings, progress: Mode = "auto", weights: Sequence[str | Path] = ()
) -> nn.Module | None:
    """Return the extractor that ``evaluate.features`` names (see `named`), on the CPU, or None.

    An extractor's class may have ``for_scenario(scenario, split=..., progress=..., weights=...)``, which builds it to
    suit the images; otherwise the class is called without arguments. If it reads one of the files ``weights``, it keeps
    the file's path as ``weights_path``.

    Raises UsageError if no extractor has that name or it does not suit the images.
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
    """Return the classifier that tells which of the scenario's classes an image shows, on the CPU, or None.

    It is the extractor itself if that knows the classes. If `automatic` chose a network of photographs for labelled
    images, a classifier is trained on them: only distances are measured in the network's features.
    """
    if extractor is None or getattr(extractor, "reads_classes", False):
        return extractor
    if settings.features != "auto" or scenario.reader or unsuited(scenario):
        return None
    return TrainedReader.for_scenario(scenario, split=settings.split, progress=progress)


def automatic(scenario: Scenario, weights: Sequence[str | Path] = ()) -> str | None:
    """Return the name of the available extractor that suits a scenario best; None if none does.

    The order is: the one that the data set names, a classifier trained on the data sets' own training images, then
    `of_photographs`. For colour pictures in folders, of `RECOGNISABLE` or more pixels per side, `of_photographs`
    precedes the trained classifier, even if sub-folders are classes. Such folders hold few pictures, and an ImageNet
    network has seen more than they can teach.
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
    """Return the name of a network trained on photographs that needs no download, or None.

    It is Inception if one of the files ``weights`` or the cache holds it, else EfficientNet-Lite0 if that is installed.
    """
    if find(INCEPTION, weights, download=False) is not None:
        return "inception"
    return None if EXTRA.missing() else "imagenet-lite0"
