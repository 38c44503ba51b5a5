"""Figures, the numbers that runs and comparisons report: their labels, units, better direction and meaning.

A metric declares its own figures (`Metric.figures`); those of cost are here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from gencl.core.errors import GenclError
from gencl.metrics import EXTRACTORS, METRICS

Unit = Literal["share", "distance", "kernel distance", "error", "seconds", "bytes", "count", "plain"]
"""The unit of a figure, which decides how it is shown (`shown`)."""
Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Figure:
    """The description of a figure.

    Args:
        label: its name in tables.
        unit: shares of one are shown in per cent, bytes in MB.
        better: which way is better; None if neither is, as for times. Methods are then not compared by it.
        meaning: one line for people who do not know the field, without a full stop.
        decimals: decimals of a share in per cent: two if methods are within a point of each other, one for a single
            task.
        title: its name in a report's headings, if that is not the label.
        weight: how much it says about a run at first sight; a report begins with the heaviest (`headlines`).
        main: whether a comparison shows its paired differences. Its curve is drawn too if it is a metric's own value.
    """

    label: str
    unit: Unit = "plain"
    better: Better | None = None
    meaning: str = ""
    decimals: int = 2
    title: str = ""
    weight: int = 0
    main: bool = False


COSTS: Mapping[str, Figure] = {
    "train_seconds": Figure("train seconds", "seconds"),
    "importance_seconds": Figure("importance seconds", "seconds"),
    "eval_seconds": Figure("eval seconds", "seconds"),
    "cpu_seconds": Figure("CPU seconds", "seconds"),
    "samples_forward": Figure("samples forward", "count"),
    "samples_backward": Figure("samples backward", "count"),
    "shared": Figure("shared parameters", "count"),
    "per_task": Figure("parameters per task", "count"),
    "total": Figure("total", "count"),
    "method_state_bytes": Figure("method state MB", "bytes"),
    "peak_memory_bytes": Figure("peak memory MB", "bytes"),
}
"""The costs of training: time, samples, parameters and memory."""

DISTANCES = ("fid", "kid")
"""The metrics that additional extractors measure too, under names such as ``fid_fashion`` (`gencl.metrics.beside`)."""

BY_CLASS = "_by_class"
"""The ending of the name of a mean over classes: ``fid_by_class`` is one, while ``fid`` is a mean over tasks."""

PAPERS_EXTRACTOR = "inception"
"""The only extractor whose Fréchet distance is called FID."""

REAL, REAL_IMAGES = "real", "real images"
"""The row of a comparison that holds the scores of real images, not of a method; and its label elsewhere."""


def figure(name: str) -> Figure:
    """Return the description of a figure: of a cost, as a metric declares it, or derived from its name.

    Results of a plug-in that is not loaded, or of an older gencl, get a default.
    """
    if name in COSTS:
        return COSTS[name]
    declared = next((figures[name] for figures in _declared() if name in figures), None)
    return declared or _of_classes(name) or _further(name) or _default(name)


def main_figures() -> list[str]:
    """Return the names of the figures that matter most, in the order of the metrics."""
    return [name for figures in _declared() for name, one in figures.items() if one.main]


def headlines(values: Mapping[str, float | None]) -> list[str]:
    """Return the names of the three figures that say most about a run, the heaviest first.

    Figures without a value are left out. Costs come after all others.
    """
    present = [name for name, value in values.items() if value is not None]
    return sorted(present, key=lambda name: (name in COSTS, -figure(name).weight))[:3]


def added_figures() -> list[str]:
    """Return the names of the figures of metrics that come from plug-ins."""
    return [name for figures in _declared(name for name in METRICS if METRICS.source(name)) for name in figures]


def meaning(name: str, features: Mapping[str, Any] | None = None) -> str:
    """Return a figure's meaning; ``features`` is what a run or comparison records about its extractor."""
    said = figure(name).meaning
    return said.replace("mean over the tasks", "all tasks together") if is_pooled(name, features) else said


def meanings(names: Iterable[str], features: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Return the meanings of these figures by name, without those that have none."""
    return {name: said for name in names if (said := meaning(name, features))}


def _declared(metrics: Iterable[str] = METRICS) -> Iterator[Mapping[str, Figure]]:
    """Yield the figures of each metric; for one that declares none, a default with the metric's ``better``."""
    for name in metrics:
        with suppress(GenclError):  # a plug-in that cannot be imported must not prevent a table
            kind = METRICS.get(name)
            yield kind.figures or {name: replace(_default(name), better=kind.better)}


def _further(name: str) -> Figure | None:
    """Return the description of a distance in an additional extractor's features; None for other figures."""
    distance, _, extractor = name.partition("_")
    if distance not in DISTANCES or not extractor:
        return None
    first = figure(distance)
    meaning = f"as {first.label}, in the features of the extractor {extractor}; {first.better} is better"
    return replace(first, label=label(distance, {"name": extractor}), meaning=meaning, weight=0, main=False)


def _of_classes(name: str) -> Figure | None:
    """Return the description of a mean over classes; None for other figures."""
    if not name.endswith(BY_CLASS):
        return None
    of_tasks = figure(name.removesuffix(BY_CLASS))
    meaning = f"{of_tasks.label} of each class by itself, mean over the classes"
    return replace(of_tasks, label=f"{of_tasks.label} per class", title="", meaning=meaning, weight=0, main=False)


def _default(name: str) -> Figure:
    label = name.replace("_", " ")
    return Figure(label, "share", "higher", decimals=1) if "accuracy" in name else Figure(label)


def is_share(name: str) -> bool:
    """Return whether a figure is a share of one, which is shown in per cent."""
    return figure(name).unit == "share"


def is_pooled(name: str, features: Mapping[str, Any] | None) -> bool:
    """Return whether a metric's value covers all tasks up to one together, so that the last value replaces a mean.

    ``features`` is what a run or comparison records. Distances of additional extractors are pooled like the first's.
    """
    pooled, distance = (features or {}).get("pooled", ()), name.partition("_")[0]
    return name in pooled or (distance in DISTANCES and distance in pooled)


def label(name: str, features: Mapping[str, Any] | None = None) -> str:
    """Return a figure's label; ``features`` is what a run or comparison records about its extractor.

    A distance names its extractor, as in "FD (EfficientNet-Lite0)": distances of different extractors do not compare.
    In Inception's features it is called FID, as in papers.
    """
    one, extractor = figure(name), (features or {}).get("name", "")
    if one == _further(name):
        return one.label
    text = one.label
    if extractor == PAPERS_EXTRACTOR:
        return re.sub(r"^FD\b", "FID", text)
    return f"{text} ({extractor_title(extractor)})" if extractor and name in DISTANCES else text


def extractor_title(name: str) -> str:
    """Return an extractor's display name: its class's ``title``, else ``name`` itself."""
    with suppress(GenclError):  # its plug-in is not loaded
        return getattr(EXTRACTORS.get(name), "title", name)
    return name


def heading(name: str, features: Mapping[str, Any] | None = None) -> str:
    """Return a figure's label as a column heading, with " %" for shares."""
    return label(name, features) + (" %" if is_share(name) else "")


def shown(name: str, value: float | None) -> str:
    """Return a value as text in its figure's unit: shares in per cent, bytes in MB, errors with three digits.

    Other values have one decimal, or two digits below 1. None is shown as "-".
    """
    if value is None:
        return "-"
    about = figure(name)
    if about.unit == "share":
        return f"{100 * value:.{about.decimals}f}"
    if about.unit == "bytes":
        return f"{value / 1e6:.1f}"
    if about.unit == "count":
        return f"{value:,.0f}"
    if about.unit == "error":
        return f"{value:.3g}"
    if about.unit == "kernel distance" and abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 1 or abs(value) < 1e-12 else f"{value:.2g}"


def with_unit(name: str, value: float | None) -> str:
    """Return a value as text, followed by " %" if it is a share."""
    return shown(name, value) + (" %" if is_share(name) and value is not None else "")


def cell(name: str, value: dict[str, Any] | None) -> str:
    """Return ``mean ± std`` as text: the mean alone if there is no deviation, "-" for None."""
    if value is None:
        return "-"
    mean = shown(name, value["mean"])
    return f"{mean} ± {shown(name, value['std'])}" if value["std"] is not None else mean
