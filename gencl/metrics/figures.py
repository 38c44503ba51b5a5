"""Figures, the numbers that runs and comparisons report: what each is called, its unit, which way is better, and what
it means. A metric declares its own (`Metric.figures`); costs are here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from gencl.core.errors import GenclError
from gencl.metrics import EXTRACTORS, METRICS

Unit = Literal["share", "distance", "kernel distance", "error", "seconds", "bytes", "count", "plain"]
"""What a figure counts in, which decides how it is shown (`shown`)."""
Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Figure:
    """What is to be known about a figure.

    Args:
        label: its name in tables.
        unit: shares of one are shown in per cent, bytes in MB.
        better: which way is better; None where neither is, as for times: then methods are not compared by it.
        meaning: one line for people who do not know the field, without a full stop.
        decimals: of a share in per cent: two where methods are within a point of each other, one for a single task.
        title: its name in a report's headings, if that is not the label.
        weight: how much it says of a run at first sight; a report begins with the heaviest (`headlines`).
        main: whether a comparison shows its paired differences, and draws its curve if it is a metric's own value.
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
    "samples_forward": Figure("samples forward", "count"),
    "samples_backward": Figure("samples backward", "count"),
    "shared": Figure("shared parameters", "count"),
    "per_task": Figure("parameters per task", "count"),
    "total": Figure("total", "count"),
    "method_state_bytes": Figure("method state MB", "bytes"),
    "peak_memory_bytes": Figure("peak memory MB", "bytes"),
}
"""What training costs in time and memory."""

DISTANCES = ("fid", "kid")
"""The metrics that further extractors measure too (`gencl.metrics.beside`), as ``fid_fashion``."""

BY_CLASS = "_by_class"
"""Ends the name of a mean over classes: ``fid_by_class``, as ``fid`` is one over tasks."""

PAPERS_EXTRACTOR = "inception"
"""The Fréchet distance in its features alone is called FID."""

REAL, REAL_IMAGES = "real", "real images"
"""The row of a comparison that is no method: what real images score. And its name elsewhere."""


def figure(name: str) -> Figure:
    """Return what is known of a figure: of a cost, as a metric declares it, or a default (for results of a plug-in that
    is not loaded, or of an older gencl)."""
    if name in COSTS:
        return COSTS[name]
    declared = next((figures[name] for figures in _declared() if name in figures), None)
    return declared or _of_classes(name) or _further(name) or _default(name)


def main_figures() -> list[str]:
    """Return the names of the figures that matter most, in the order of the metrics."""
    return [name for figures in _declared() for name, one in figures.items() if one.main]


def headlines(values: Mapping[str, float | None]) -> list[str]:
    """Return the names of the three figures that say most of a run, the heaviest first; figures without a value, and
    costs where there are others, are left to the end."""
    present = [name for name, value in values.items() if value is not None]
    return sorted(present, key=lambda name: (name in COSTS, -figure(name).weight))[:3]


def added_figures() -> list[str]:
    """Return the names of the figures of plug-ins' metrics."""
    return [name for figures in _declared(name for name in METRICS if METRICS.source(name)) for name in figures]


def meanings(names: Iterable[str]) -> dict[str, str]:
    """Return the meaning of each of these figures that has one."""
    return {name: meaning for name in names if (meaning := figure(name).meaning)}


def _declared(metrics: Iterable[str] = METRICS) -> Iterator[Mapping[str, Figure]]:
    """The figures of each metric; of one that declares none, only which way its value is better."""
    for name in metrics:
        with suppress(GenclError):  # a package that cannot be imported must not stand in the way of a table
            kind = METRICS.get(name)
            yield kind.figures or {name: replace(_default(name), better=kind.better)}


def _further(name: str) -> Figure | None:
    """A distance in the features of a further extractor; None for other figures."""
    distance, _, extractor = name.partition("_")
    if distance not in DISTANCES or not extractor:
        return None
    first = figure(distance)
    meaning = f"as {first.label}, in the features of the extractor {extractor}; {first.better} is better"
    return replace(first, label=label(distance, {"name": extractor}), meaning=meaning, weight=0, main=False)


def _of_classes(name: str) -> Figure | None:
    """A mean over classes; None for other figures."""
    if not name.endswith(BY_CLASS):
        return None
    of_tasks = figure(name.removesuffix(BY_CLASS))
    meaning = f"{of_tasks.label} of each class by itself, mean over the classes"
    return replace(of_tasks, label=f"{of_tasks.label} per class", title="", meaning=meaning, weight=0, main=False)


def _default(name: str) -> Figure:
    label = name.replace("_", " ")
    return Figure(label, "share", "higher", decimals=1) if "accuracy" in name else Figure(label)


def is_share(name: str) -> bool:
    """Whether a figure is a share of one, shown in per cent."""
    return figure(name).unit == "share"


def is_pooled(name: str, features: Mapping[str, Any] | None) -> bool:
    """Whether a metric's value is of all tasks up to one together, so that the last one stands for all and there is no
    mean; ``features`` is what a run or comparison records. A further extractor's distance is as the first one's."""
    pooled, distance = (features or {}).get("pooled", ()), name.partition("_")[0]
    return name in pooled or (distance in DISTANCES and distance in pooled)


def label(name: str, features: Mapping[str, Any] | None = None) -> str:
    """A figure's name for people; ``features`` is what a run or comparison records of its extractor.

    A distance names its extractor, since it compares with no other's: "FD (EfficientNet-Lite0)". In Inception's
    features it has the name that papers give it, FID.
    """
    text, extractor = figure(name).label, (features or {}).get("name", "")
    if extractor == PAPERS_EXTRACTOR:
        return re.sub(r"^FD\b", "FID", text)
    return f"{text} ({extractor_title(extractor)})" if extractor and name in DISTANCES else text


def extractor_title(name: str) -> str:
    """An extractor's name for people: its class's ``title``, else the name itself."""
    with suppress(GenclError):  # of a plug-in that is not loaded
        return getattr(EXTRACTORS.get(name), "title", name)
    return name


def heading(name: str, features: Mapping[str, Any] | None = None) -> str:
    """A figure's name as a column's head, with its unit."""
    return label(name, features) + (" %" if is_share(name) else "")


def shown(name: str, value: float | None) -> str:
    """A figure as people read it: shares in per cent, bytes in MB, errors with three digits, distances with one
    decimal."""
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
    """A figure as people read it, with its unit behind it."""
    return shown(name, value) + (" %" if is_share(name) and value is not None else "")


def cell(name: str, value: dict[str, Any] | None) -> str:
    """``mean ± std``."""
    if value is None:
        return "-"
    mean = shown(name, value["mean"])
    return f"{mean} ± {shown(name, value['std'])}" if value["std"] is not None else mean
