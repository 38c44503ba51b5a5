"""Draw distributions of importance (SPP fig. 6, ANPyC fig. 9).

For a run: the importance in its trained network by each measure, and the importance that its method stored. A measured
importance is scaled to mean 1 for each task and added up over tasks (ANPyC eq. 8). For a comparison: the importance
that each method had stored at the end of its runs.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gencl.analysis.distribution import BINS, density, edges, shape
from gencl.analysis.figure import Drawing, bars, canvas, colour, plain, png, spread, table
from gencl.analysis.measuring import Bench, held, joined, layers, measures
from gencl.analysis.subject import Subject
from gencl.core.errors import UsageError
from gencl.runs.folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Importance = dict[str, Tensor]


def figures(subject: Subject, bench: Bench) -> list[Drawing]:
    """Draw the densities, the kurtosis, the skewness and the share of low values.

    Raises UsageError if a run shares no parameters, or no method of a comparison stores importance.
    """
    measured = _of_comparison(subject) if subject.comparison else _of_run(subject.run, bench)
    shapes = {label: [shape(joined(one)) for one in runs.values()] for label, runs in measured.items()}
    densities = {
        label: torch.stack([density(joined(one)) for one in runs.values()]).mean(0) for label, runs in measured.items()
    }
    kurtosis = {label: spread([one.kurtosis for one in ones]) for label, ones in shapes.items()}
    skewness = {label: spread([one.skewness for one in ones]) for label, ones in shapes.items()}
    what = "held by each method at the end" if subject.comparison else "for all tasks, in the trained network"
    low = {label: spread([100 * one.low for one in ones]) for label, ones in shapes.items()}
    figure, (panels,) = canvas(
        f"Importance of the shared parameters, {what}: {subject.name}",
        (2.6, 1, 1, 1),
        max(3.2, 0.45 * len(measured) + 1.7),
    )
    _draw_densities(panels[0], densities)
    titles = ("kurtosis (normal: 0)", "skewness", "% below 10$^{-6}$")
    for axes, title, values in zip(panels[1:], titles, (kurtosis, skewness, low), strict=True):
        bars(axes, list(measured) if axes is panels[1] else [""] * len(measured), list(values.values()))
        plain(axes, title, "x")
    highest = max(kurtosis, key=lambda label: kurtosis[label][0] or 0.0)
    tables = {"importance": _numbers(measured), "importance-density": _bins(densities)}
    return [Drawing("importance", png(figure), tables, f"the highest kurtosis is that of {highest}")]


def _of_run(run: RunFolder, bench: Bench) -> dict[str, dict[int, Importance]]:
    learner, tasks, seed = run.learner(), len(run.card.tasks), run.card.seed
    if not learner.shared():
        raise UsageError(
            f"{run.path}: every layer is a task's own, so that there is no importance of shared parameters"
        )
    measured: dict[str, dict[int, Importance]] = {}
    for measure, label in measures().items():
        each = [bench.importance(run, learner, measure, number) for number in range(1, tasks + 1)]
        measured[label] = {seed: {name: sum(one[name] for one in each) for name in each[0]}}  # type: ignore[misc]
    at_end = held(run)
    return measured if at_end is None else {**measured, f"held by {run.settings.method['name']}": {seed: at_end}}


def _of_comparison(subject: Subject) -> dict[str, dict[int, Importance]]:
    measured = {
        label: {seed: one for seed, run in runs.items() if (one := held(run))} for label, runs in subject.runs.items()
    }
    measured = {label: runs for label, runs in measured.items() if runs}
    if not measured:
        raise UsageError(
            f"{subject.path}: none of {', '.join(subject.runs)} holds importance, as "
            "methods that consolidate do; of a single run in it the importance can be measured: give that run's "
            "directory"
        )
    return measured


def _draw_densities(axes: Axes, densities: dict[str, Tensor]) -> None:
    for number, (label, shares) in enumerate(densities.items()):
        axes.stairs((100 * shares).tolist(), edges(), color=colour(number), linewidth=1.6, label=label)
        axes.stairs((100 * shares).tolist(), edges(), color=colour(number), alpha=0.08, fill=True)
    plain(axes, "density")
    axes.set_xlabel("importance, as a multiple of its mean", fontsize=9)
    axes.set_ylabel("% of the parameters in a sixth of a decade", fontsize=9)
    first = min(i for shares in densities.values() for i in range(BINS) if shares[i] > 1e-4 or i == BINS - 1)
    decades = range(math.floor(edges()[first]), math.ceil(edges()[-1]) + 1)
    axes.set_xticks(decades, [{0: "1", 1: "10"}.get(d, f"$10^{{{d}}}$") for d in decades])
    axes.set_xlim(decades[0], decades[-1])
    axes.set_ylim(0)


def _numbers(measured: dict[str, dict[int, Importance]]) -> str:
    rows = []
    for label, runs in measured.items():
        for seed, importance in runs.items():
            groups = {"all": list(importance), **layers(importance)}
            for layer, names in groups.items():
                one = shape(joined(importance, names))
                rows.append([label, seed, layer, one.n, one.kurtosis, one.skewness, one.zero, one.low, one.top])
    header = [
        "importance",
        "seed",
        "layer",
        "parameters",
        "kurtosis",
        "skewness",
        "share_zero",
        "share_low",
        "top_1_percent",
    ]
    return table(header, rows)


def _bins(densities: dict[str, Tensor]) -> str:
    rows = [
        [label, edges()[i], edges()[i + 1], float(shares[i])]
        for label, shares in densities.items()
        for i in range(BINS)
    ]
    return table(["importance", "decade_from", "decade_to", "share"], rows)
