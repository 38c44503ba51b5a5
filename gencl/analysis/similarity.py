"""Draw how similar the importance of tasks is, per layer and per pair of tasks (EWC; SPP fig. 7b, ANPyC fig. 10b).

Each task's importance is measured in the network right after that task, if all runs kept these networks (``keep:
tasks``), else in the trained network. SPP and ANPyC name a Frechet distance without a formula, and read it in opposite
directions. Here d is EWC's distance; 1 - d^2 is the Fisher overlap, which is high if tasks share parameters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from gencl.analysis.figure import Drawing, canvas, legend, lines, plain, png, table
from gencl.analysis.measuring import Bench, joined, layers, measures
from gencl.analysis.overlap import distance, overlap
from gencl.analysis.subject import Subject
from gencl.core.errors import UsageError
from gencl.core.files import printable
from gencl.drawing.names import shortened
from gencl.runs import kept
from gencl.runs.folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ALL = "all"
"""The name under which all shared parameters together are listed among the layers."""
_WRITTEN = 12
"""With more tasks, the heat map shows no numbers and labels only some tasks."""

Overlaps = dict[tuple[str, str, int, int], float | None]
"""Overlaps by measure, layer and two tasks (1 for the first); None if an importance is all zeros."""


def figures(subject: Subject, bench: Bench) -> list[Drawing]:
    """Draw all pairs of tasks of a run, or the first and last task of a comparison.

    Raises UsageError for a single task, for runs with different numbers of tasks, and without shared parameters.
    """
    tasks = len(subject.run.card.tasks)
    runs = [run for seeds in subject.runs.values() for run in seeds.values()]
    if tasks < 2 or any(len(run.card.tasks) != tasks for run in runs):
        raise UsageError(
            f"{subject.path}: one task alone (or another number of them each) cannot be compared with others"
        )
    if not all(run.learner().shared() for run in runs):
        raise UsageError(f"{subject.path}: every layer is a task's own; tasks share no parameters")
    wanted = [1, tasks] if subject.comparison else list(range(1, tasks + 1))
    then = all(kept.learned_at_once(run) or set(wanted) <= set(kept.learners(run)) for run in runs)
    by_run = {
        label: {seed: _overlaps(run, bench, wanted, then) for seed, run in seeds.items()}
        for label, seeds in subject.runs.items()
    }
    when = "each measured when the task had been learned" if then else "measured in the trained network"
    title = f"Overlap of two tasks' importance (1: the same, 0: apart), {when}: {subject.name}"
    figure, ((left, right),) = canvas(title, (1.5, 1) if not subject.comparison else (1, 1), 4.4)
    names = layers_of(runs)
    if subject.comparison:
        for axes, measure in ((left, "entropy"), (right, "fisher")):
            each = {
                label: [[one.get((measure, name, 1, tasks)) for name in names] for one in seeds.values()]
                for label, seeds in by_run.items()
            }
            lines(axes, names, each)
            plain(axes, f"{measures()[measure]}, first task and last")
    else:
        (one,) = (one for seeds in by_run.values() for one in seeds.values())
        each = {label: [[one.get((m, name, 1, tasks)) for name in names]] for m, label in measures().items()}
        lines(left, names, each)
        plain(left, "first task and last, layer by layer")
        _draw_pairs(right, one, [task.name for task in bench.tasks(subject.run).tasks])
    for axes in (left, right) if subject.comparison else (left,):
        axes.set_ylim(0, 1.03)
    legend(figure, (left, right) if subject.comparison else (left,))
    rows = [
        [label, seed, measure, layer, a, b, value, None if value is None else distance(value)]
        for label, seeds in by_run.items()
        for seed, one in seeds.items()
        for (measure, layer, a, b), value in one.items()
    ]
    header = ["method", "seed", "importance", "layer", "task", "other_task", "overlap", "frechet_distance"]
    said = f"{when}" + ("" if then else "; runs trained with --set keep=tasks have it from when each task was learned")
    return [Drawing("similarity", png(figure), {"similarity": table(header, rows)}, said)]


def layers_of(runs: Sequence[RunFolder]) -> list[str]:
    """Return the names of all layers that are shared in any of the runs, from first to last."""
    return list(dict.fromkeys(layer for run in runs for layer in layers(run.learner().shared())))


def _overlaps(run: RunFolder, bench: Bench, wanted: list[int], then: bool) -> Overlaps:
    after = kept.learners(run)
    overlaps: Overlaps = {}
    measured: dict[str, dict[int, dict[str, Tensor]]] = {measure: {} for measure in measures()}
    now = None if then and not kept.learned_at_once(run) else run.learner()
    groups = layers(run.learner().shared())
    for number in wanted:
        learner = after[number]() if now is None else now
        for measure, each in measured.items():
            each[number] = bench.importance(run, learner, measure, number)
    for measure, each in measured.items():
        for a in wanted:
            for b in wanted[wanted.index(a) + 1 :]:
                for layer, names in {ALL: list(each[a]), **groups}.items():
                    overlaps[measure, layer, a, b] = overlap(joined(each[a], names), joined(each[b], names))
    return overlaps


def _draw_pairs(axes: Axes, overlaps: Overlaps, names: list[str]) -> None:
    """Draw a heat map of the Fisher overlap of all pairs of tasks, over all shared parameters.

    A pair without an overlap has an empty cell with a dash.
    """
    names = [printable(name) for name in names]
    n = len(names)
    matrix = [[1.0] * n for _ in range(n)]
    for (measure, layer, a, b), value in overlaps.items():
        if measure == "fisher" and layer == ALL:
            matrix[a - 1][b - 1] = matrix[b - 1][a - 1] = math.nan if value is None else value
    shown = axes.imshow(matrix, cmap="viridis", vmin=0, vmax=1)
    if n <= _WRITTEN:
        for i, row in enumerate(matrix):
            for j, value in enumerate(row):
                if i != j:
                    text = "-" if math.isnan(value) else f"{value:.2f}".lstrip("0")
                    ink = "white" if value <= 0.6 else "black"
                    axes.text(j, i, text, ha="center", va="center", fontsize=8, color=ink)
    step = -(-n // _WRITTEN)
    places, shown_names = range(0, n, step), [shortened(name, 10) for name in names]
    turned = 0 if max(map(len, shown_names)) <= 3 else 45
    axes.set_xticks(places, shown_names[::step], rotation=turned, parse_math=False)
    axes.set_yticks(places, shown_names[::step], parse_math=False)
    plain(axes, "Fisher overlap of each two tasks, all layers")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    bar = axes.figure.colorbar(shown, ax=axes, shrink=0.85, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, length=0)
