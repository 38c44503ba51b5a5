"""Draw which units each task uses: new ones, and active ones of earlier tasks (CLNP, section 2.3).

An earlier task's unit counts as reused if the task may use it, and if its mean activation on the task's training images
exceeds `ACTIVE` times the mean over the layer's open units. A unit is free if no task so far may use it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gencl.analysis.figure import Drawing, colour, folded, plain, png, short, spread, table, wall
from gencl.analysis.measuring import Bench
from gencl.analysis.subject import Subject
from gencl.learners.capabilities import CLASSIFIER, UNITS
from gencl.learners.measured import mean_activations
from gencl.runs.folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACTIVE = 0.01
_KINDS = ("new", "reused")

Shares = dict[tuple[int, str], tuple[float, float, float]]
"""The shares of new, reused and free units, by task (1 for the first) and layer."""


def figures(subject: Subject, bench: Bench) -> list[Drawing]:
    """Draw one panel per method that allocates units to tasks. Return [] if none does."""
    by_run = {
        label: {seed: shares for seed, run in seeds.items() if (shares := _shares(run, bench))}
        for label, seeds in subject.runs.items()
    }
    by_run = {label: seeds for label, seeds in by_run.items() if seeds}
    if not by_run:
        return []
    figure, panels = wall(f"Units that each task uses: {subject.name}", len(by_run), 3.4, 0.6)
    for axes, (label, seeds) in zip(panels, by_run.items(), strict=True):
        _draw(axes, list(seeds.values()))
        plain(axes, folded(label))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    rows = [
        [label, seed, task, layer, *shares]
        for label, seeds in by_run.items()
        for seed, one in seeds.items()
        for (task, layer), shares in one.items()
    ]
    said = "new and reused units of each task, as shares of each layer"
    header = ["method", "seed", "task", "layer", "share_new", "share_reused", "share_free"]
    return [Drawing("units", png(figure), {"units": table(header, rows)}, said)]


def _shares(run: RunFolder, bench: Bench) -> Shares:
    tasks = bench.tasks(run).tasks
    learner = run.learner().to(tasks[0].train.labels.device)
    units = UNITS.of(learner)
    if units is None or not units.gates.rows() or not len(units.gates.rows()[0]):
        return {}
    before = [torch.zeros(layer.units, dtype=torch.bool) for layer in units.hidden]
    shares: Shares = {}
    for task in tasks:
        opened = [mask.cpu() for mask in units.used(learner.groups_of([task.index])[-1])]
        means = [mean.cpu() for mean in mean_activations(CLASSIFIER(learner), task.train)]
        for layer, mask, mean, taken in zip(units.hidden, opened, means, before, strict=True):
            new, reused = mask & ~taken, mask & taken & active(mean, mask)
            taken.logical_or_(mask)
            counts = (int(part.sum()) / layer.units for part in (new, reused, ~taken))
            shares[task.index + 1, layer.weight] = tuple(counts)  # type: ignore[assignment]
    return shares


def active(mean: Tensor, opened: Tensor) -> Tensor:
    """Return which units are active, bool (units,).

    ``mean`` are their mean activations, (units,); ``opened`` masks the units whose mean sets the threshold.
    """
    return mean > ACTIVE * mean[opened].mean() if bool(opened.any()) else torch.zeros_like(opened)


def _draw(axes: Axes, runs: list[Shares]) -> None:
    """Draw one bar per task and layer, new units on top of reused ones, as means over runs."""
    layers = list(dict.fromkeys(layer for _, layer in runs[0]))
    tasks = max(task for task, _ in runs[0])
    for task in range(1, tasks + 1):
        places = [i - 0.4 + 0.8 * (task - 0.5) / tasks for i in range(len(layers))]
        beneath = [0.0] * len(layers)
        for number, kind in enumerate(reversed(_KINDS)):
            part = _KINDS.index(kind)
            heights = [100 * (spread([run[task, layer][part] for run in runs])[0] or 0.0) for layer in layers]
            axes.bar(
                places, heights, 0.8 / tasks, bottom=beneath, color=colour(number), edgecolor="white", linewidth=0.4,
                label=kind if task == 1 else None,
            )  # fmt: skip
            beneath = [low + height for low, height in zip(beneath, heights, strict=True)]
    axes.set_xticks(range(len(layers)), [short(layer) for layer in layers])
    axes.set_ylim(0, 100)
    axes.set_ylabel("% of the layer's units, task by task", fontsize=9)
