"""Draw the share of each layer that the tasks occupy (CLNP fig. 3-5), and the model's size (ANPyC fig. 7a)."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gencl.analysis import reuse
from gencl.analysis.figure import Drawing, canvas, colour, folded, legend, plain, png, short, spread, table, wall
from gencl.analysis.measuring import Bench
from gencl.analysis.subject import Subject
from gencl.drawing.names import all_shortened
from gencl.learners.capabilities import UNITS
from gencl.methods import METHODS
from gencl.methods.base import Method
from gencl.methods.serving import is_reference
from gencl.runs.folder import RunFolder


def figures(subject: Subject, bench: Bench) -> list[Drawing]:
    """Draw the model's size. For methods that allocate units or weights to tasks, also draw the share of each layer
    that is taken, and the units that each task uses."""
    taken, size = _taken(subject), _size(subject)
    if not taken:
        do = ", ".join(name for name in METHODS if METHODS.get(name).capacity is not Method.capacity)
        size = replace(size, said=f"{size.said}; no capacity: no method here takes units or weights for good ({do} do)")
    return [*taken, *reuse.figures(subject, bench), size]


def _taken(subject: Subject) -> list[Drawing]:
    """Draw one panel per method, with one bar per layer and task. Return [] if no method allocates anything."""
    with_capacity = {
        label: {seed: rows for seed, run in seeds.items() if (rows := run.metrics.get("capacity"))}
        for label, seeds in subject.runs.items()
    }
    with_capacity = {label: seeds for label, seeds in with_capacity.items() if seeds}
    if not with_capacity:
        return []
    title = f"What the tasks so far have taken of each layer: {subject.name}"
    figure, panels = wall(title, len(with_capacity), 3.4, 0.6)
    most = max(len(rows) for seeds in with_capacity.values() for rows in seeds.values())
    for axes, (label, seeds) in zip(panels, with_capacity.items(), strict=True):
        layers = list(next(iter(seeds.values()))[-1])
        tasks = max(map(len, seeds.values()))
        for t in range(tasks):
            shares = [spread([rows[t].get(name) for rows in seeds.values() if t < len(rows)])[0] for name in layers]
            places = [i - 0.4 + 0.8 * (t + 0.5) / tasks for i in range(len(layers))]
            heights = [100 * (share or 0.0) for share in shares]
            axes.bar(
                places, heights, 0.8 / tasks, color=_shade(t, most), edgecolor="white", linewidth=0.6, label=f"{t + 1}"
            )
        names = [short(layer) for layer in layers]
        steep = len(names) > 4
        axes.set_xticks(range(len(layers)), names, rotation=30 if steep else 0, ha="right" if steep else "center")
        axes.set_ylim(0, 100)
        axes.set_ylabel("% taken", fontsize=9)
        plain(axes, folded(label))
    handles, labels = max((axes.get_legend_handles_labels() for axes in panels), key=lambda pair: len(pair[1]))
    figure.legend(
        handles, labels, title="after task", loc="outside right center", frameon=False, fontsize=8.5, title_fontsize=9,
        ncols=-(-len(labels) // 12),
    )  # fmt: skip
    rows = [
        [label, seed, t + 1, layer, share]
        for label, seeds in with_capacity.items()
        for seed, each in seeds.items()
        for t, row in enumerate(each)
        for layer, share in row.items()
    ]
    fullest = {label: max(max(each[-1].values()) for each in seeds.values()) for label, seeds in with_capacity.items()}
    said = "; ".join(f"{label} has taken {100 * share:.0f} % of its fullest layer" for label, share in fullest.items())
    header = ["method", "seed", "after_task", "layer", "share_taken"]
    return [Drawing("capacity", png(figure), {"capacity": table(header, rows)}, said)]


def _shade(task: int, tasks: int) -> tuple[float, float, float, float]:
    from matplotlib import colormaps

    return colormaps["viridis"](0.08 + 0.84 * task / max(1, tasks - 1))


def _size(subject: Subject) -> Drawing:
    """Draw the number of parameters after each task, and the memory (MB) of model and method at the end."""
    # the number of parameters does not depend on the seed
    curves = {label: _growth(next(iter(seeds.values()))) for label, seeds in subject.runs.items()}
    ends = {
        label: _at_end([run.metrics["parameters"] for run in seeds.values()]) for label, seeds in subject.runs.items()
    }
    names = dict(zip(ends, all_shortened(list(ends)), strict=True))
    together: dict[tuple[int, ...], list[str]] = {}
    for label, curve in curves.items():
        together.setdefault(tuple(curve), []).append(label)
    height = max(3.4, 0.3 * len(ends) + 1.6) + 0.1 * len(together)
    figure, ((left, right),) = canvas(f"Size of the model: {subject.name}", (1.2, 1), height)
    for number, (shape, labels) in enumerate(together.items()):
        axis = range(1, len(shape) + 1)
        name = _named([names[label] for label in labels])
        left.plot(axis, [n / 1e3 for n in shape], color=colour(number), marker="o", markersize=3.5, label=name)
    counts = [n / 1e3 for shape in together for n in shape]
    room = max(max(counts) - min(counts), 0.01 * max(counts))
    low = max(0.0, min(counts) - 0.6 * room)
    left.set_ylim(low, max(counts) + 0.2 * room)
    left.set_xlabel("tasks learned", fontsize=9)
    left.xaxis.get_major_locator().set_params(integer=True)
    plain(left, f"parameters, in thousands{' (the axis does not start at 0)' if low else ''}")
    for row, (model, method, _) in enumerate(ends.values()):
        right.barh(row, model, color=colour(0), height=0.62, label="the model" if row == 0 else None)
        right.barh(row, method, left=model, color=colour(4), height=0.62, label=None if row else "the method beside it")
    right.set_yticks(range(len(ends)), list(names.values()), parse_math=False)
    right.set_ylim(len(ends) - 0.4, -0.6)
    right.tick_params(axis="y", length=0)
    plain(right, "MB in memory at the end", "x")
    legend(figure, (left, right))
    rows = [
        [label, t + 1, n, *(ends[label] if t + 1 == len(curve) else (None, None, None))]
        for label, curve in curves.items()
        for t, n in enumerate(curve)
    ]
    header = ["method", "tasks_learned", "parameters", "model_mb", "method_mb", "shared_parameters_not_zero"]
    said = ", ".join(f"{_named(labels)} {curve[-1]:,} parameters at the end" for curve, labels in together.items())
    return Drawing("size", png(figure), {"size": table(header, rows)}, said)


def _at_end(runs: Sequence[dict[str, Any]]) -> tuple[float, float, float | None]:
    """Return the MB of model and method, and the number of shared parameters that are not zero, as means over runs.

    Old runs have no such number: None.
    """
    nonzero = [counts["shared_nonzero"] for counts in runs if "shared_nonzero" in counts]
    model, method = (statistics.mean(counts[key] for counts in runs) for key in ("total", "method_state_bytes"))
    return 4 * model / 1e6, method / 1e6, statistics.mean(nonzero) if nonzero else None


def _named(labels: list[str]) -> str:
    return ", ".join(labels[:4]) + (f" and {len(labels) - 4} more" if len(labels) > 4 else "")


def _growth(run: RunFolder) -> list[int]:
    """Return the number of the model's parameters after each task.

    It includes the unit gates that methods such as HAT add per task. Joint training has all parameters from the start.
    """
    units = UNITS.of(run.learner())
    gates = 0 if units is None else sum(rows.shape[-1] for rows in units.gates.rows() if len(rows))
    learner, counts = run.untrained(0), []
    for classes in run.card.tasks:
        learner.grow(classes, 0)
        parameters = sum(parameter.numel() for parameter in learner.parameters())
        counts.append(parameters + gates * len(learner.groups))
    return [counts[-1]] * len(counts) if is_reference(run.metrics["method"]) else counts
