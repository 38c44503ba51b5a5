"""Draw how far parameters moved during later tasks, and whether important ones moved less (SPP fig. 7c and 8, ANPyC
fig. 10c).

The two states compared are those after the first task whose network was kept, and after the last. Importance is
measured in the first state. It is always the papers' entropy measure, so that methods are comparable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gencl.analysis.change import PARTS, Change, by_importance, change, ordered_map, rank_correlation
from gencl.analysis.figure import Drawing, canvas, legend, lines, plain, png, table
from gencl.analysis.measuring import Bench, joined, layers
from gencl.analysis.similarity import ALL, layers_of
from gencl.analysis.subject import Subject
from gencl.core.errors import UsageError
from gencl.runs import kept
from gencl.runs.folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIDE = 48
"""Maximal number of cells per side of the heat maps."""


Changes = dict[str, dict[int, dict[str, Change]]]
"""Changes by method, seed and layer."""


@dataclass(frozen=True)
class Moved:
    """The shared parameters, by name, after the first kept task and the last, with their importance at the first."""

    before: dict[str, Tensor]
    after: dict[str, Tensor]
    importance: dict[str, Tensor]

    def change(self, names: list[str]) -> Change:
        """Return the change of these parameters, taken together."""
        return change(joined(self.before, names), joined(self.after, names), joined(self.importance, names))

    def changes(self) -> dict[str, Change]:
        """Return the change of all parameters together (`ALL`), and of each layer."""
        return {name: self.change(names) for name, names in {ALL: list(self.before), **layers(self.before)}.items()}

    def by_importance(self) -> list[float]:
        """Return `gencl.analysis.change.by_importance` over all shared parameters."""
        return by_importance(joined(self.after) - joined(self.before), joined(self.importance))

    def correlation(self) -> float | None:
        """Return the rank correlation of |change| and importance over all shared parameters."""
        return rank_correlation((joined(self.after) - joined(self.before)).abs(), joined(self.importance))


def figures(subject: Subject, bench: Bench) -> list[Drawing]:
    """Draw the change by layer and by importance; for a single run, also heat maps.

    Raises UsageError if no two states were kept, no parameters are shared, or runs learned different numbers of tasks.
    """
    last = len(subject.run.card.tasks)
    if any(len(run.card.tasks) != last for seeds in subject.runs.values() for run in seeds.values()):
        raise UsageError(f"{subject.path}: its runs learned different numbers of tasks, so that changes do not compare")
    first, usable = _kept(subject, last)
    moves = {
        label: {seed: _moved(run, bench, first, last) for seed, run in seeds.items()} for label, seeds in usable.items()
    }
    changes = {label: {seed: one.changes() for seed, one in seeds.items()} for label, seeds in moves.items()}
    names = layers_of([run for seeds in usable.values() for run in seeds.values()])
    title = f"Change of the shared parameters from task {first} to task {last}: {subject.name}"
    figure, (panels,) = canvas(title, (1, 1, 1.1) if subject.comparison else (1, 1.1), 4.3)
    _draw_layers(panels[:-1], names, changes)
    tenths = {label: [one.by_importance() for one in seeds.values()] for label, seeds in moves.items()}
    _draw_tenths(panels[-1], tenths, 0 if subject.comparison else 2)
    legend(figure, panels if subject.comparison else panels[:-1])
    said = f"from task {first} to task {last} of {last}"
    if first > 1:
        said += ": what is older was not kept; runs trained with --set keep=tasks have it from task 1 on"
    tables = {"drift": _by_layer(changes, moves, first, last), "drift-tenths": _by_tenth(tenths, moves)}
    drawn = [Drawing("drift", png(figure), tables, said)]
    if not subject.comparison:
        (one,) = (one for seeds in moves.values() for one in seeds.values())
        drawn += _maps(one, f"{subject.name}, task {first} to {last}")
    return drawn


def _kept(subject: Subject, last: int) -> tuple[int, dict[str, dict[int, RunFolder]]]:
    """Return the first task whose network all usable runs kept, and the usable runs.

    A method is usable if all its runs kept the same network before the last. Raises UsageError if there is none.
    """
    numbers = {
        label: set.intersection(*(set(kept.learners(run)) - {last} for run in seeds.values()))
        for label, seeds in subject.runs.items()
    }
    some = {label: tasks for label, tasks in numbers.items() if tasks}
    common = set.intersection(*some.values()) if some else set()
    if last < 2 or not common:
        why = (
            "it learned one task"
            if last < 2
            else "the network was kept at the end only (joint training has no other); --set keep=tasks, for gencl "
            "train or compare, keeps it after every task"
        )
        raise UsageError(f"{subject.path}: no change between tasks can be told: {why}")
    return min(common), {label: subject.runs[label] for label in some}


def _moved(run: RunFolder, bench: Bench, first: int, last: int) -> Moved:
    after = kept.learners(run)
    early = after[first]()
    before = {name: parameter.detach().clone() for name, parameter in early.shared().items()}
    if not before:
        raise UsageError(f"{run.path}: every layer is a task's own; tasks share no parameters")
    each = [bench.importance(run, early, "entropy", number) for number in range(1, first + 1)]
    importance = {name: torch.stack([one[name] for one in each]).sum(0) for name in before}
    return Moved(before, {name: p.detach() for name, p in after[last]().shared().items()}, importance)


def _draw_layers(panels: Sequence[Axes], names: list[str], changes: Changes) -> None:
    """Draw the change by layer, weighted and plain: one line per method in two panels, or a run's two lines in one."""

    def of(what: str, label: str) -> list[list[float | None]]:
        return [[getattr(one.get(name), what, None) for name in names] for one in changes[label].values()]

    weighted, plainly = "weighted by importance", "all parameters alike"
    if len(panels) == 1:
        (label,) = changes
        shown = [{weighted: of("weighted_square", label), plainly: of("square", label)}]
        abouts = ["mean square of the change"]
    else:
        shown = [{label: of(what, label) for label in changes} for what in ("weighted_square", "square")]
        abouts = [f"mean square of the change, {how}" for how in (weighted, plainly)]
    values = [v for each in shown for runs in each.values() for run in runs for v in run if v]
    for axes, each, about in zip(panels, shown, abouts, strict=True):
        drawn = {label: _without_zeros(runs) for label, runs in each.items()}
        lines(axes, names, drawn)
        plain(axes, about)
        still = [label for label in each if drawn[label] != each[label]]
        if still:
            text = f"0 somewhere, not drawn: {', '.join(still)}"
            axes.text(0.98, 0.02, text, fontsize=8.5, color="0.3", ha="right", transform=axes.transAxes)
        if values:
            axes.set_yscale("log")
            axes.set_ylim(min(values) / 3, max(values) * 3)


def _without_zeros(runs: Sequence[Sequence[float | None]]) -> list[list[float | None]]:
    """Replace the values of every layer in which any run has a zero by None: a logarithmic axis cannot show zeros."""
    zero = [0 in column for column in zip(*runs, strict=True)]
    return [[None if still else value for value, still in zip(run, zero, strict=True)] for run in runs]


def _draw_tenths(axes: Axes, tenths: dict[str, list[list[float]]], colour: int) -> None:
    parts = len(next(iter(tenths.values()))[0])
    lines(axes, [str(part + 1) for part in range(parts)], tenths, colour)
    axes.set_xticks(range(parts), ["least", *[""] * (parts - 2), "most"][:parts], rotation=0, ha="center")
    axes.axhline(1, color="0.5", linewidth=0.8, linestyle=(0, (6, 3)), zorder=1)
    axes.set_ylim(0)
    axes.set_xlabel("tenths of the parameters, by importance", fontsize=9)
    plain(axes, "size of the change in each tenth, as a multiple of the mean")


def _maps(moved: Moved, title: str) -> list[Drawing]:
    """Draw the importance and the change of one weight matrix, with units sorted by importance (SPP fig. 8).

    The matrix is the last one with at least 8 rows and columns. Kernels are averaged over their positions. Return []
    if no matrix is large enough.
    """
    wide = [name for name, value in moved.before.items() if value.ndim > 1 and min(value.shape[:2]) >= 8]
    if not wide:
        return []
    name = wide[-1]

    def flat(values: Tensor) -> Tensor:
        return values.flatten(2).mean(2) if values.ndim > 2 else values

    importance = flat(moved.importance[name])
    size = flat((moved.after[name] - moved.before[name]).abs())
    rows, columns = importance.sum(1).argsort(stable=True), importance.sum(0).argsort(stable=True)
    maps = [ordered_map(values, rows, columns, SIDE) for values in (importance, size)]
    rho = rank_correlation(importance, size)
    said = f"{name}: rank correlation of change and importance {'-' if rho is None else f'{rho:.2f}'}"
    figure, ((left, right),) = canvas(f"{title}\n{said}", (1, 1), 5.2)
    for axes, values, about, colours in (
        (left, maps[0], "importance before", "Blues"),
        (right, maps[1], "size of the change", "Oranges"),
    ):
        _draw_map(axes, values, about, colours)
        axes.set_xlabel(f"columns, {importance.shape[1]} in all: least to most important", fontsize=9)
        axes.set_ylabel(f"rows, {importance.shape[0]} in all: least to most important", fontsize=9)
    cells = [
        [name, i, j, float(maps[0][i, j]), float(maps[1][i, j])]
        for i in range(maps[0].shape[0])
        for j in range(maps[0].shape[1])
    ]
    header = ["parameter", "row_of_cells", "column_of_cells", "importance", "absolute_change"]
    return [Drawing("drift-map", png(figure), {"drift-map": table(header, cells)}, said)]


def _draw_map(axes: Axes, values: Tensor, title: str, colours: str) -> None:
    high = float(values.flatten().quantile(0.98)) or float(values.max()) or 1.0
    shown = axes.imshow(values.tolist(), cmap=colours, vmin=0, vmax=high, origin="lower", aspect="auto")
    plain(axes, title)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])
    bar = axes.figure.colorbar(shown, ax=axes, pad=0.02, extend="max", format="%.3g")
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, length=0)


def _by_layer(changes: Changes, moves: dict[str, dict[int, Moved]], first: int, last: int) -> str:
    rows = [
        [label, seed, first, last, layer, one.n, one.square, one.weighted_square, one.absolute, one.weighted_absolute,
         moves[label][seed].correlation() if layer == ALL else None]
        for label, seeds in changes.items() for seed, each in seeds.items() for layer, one in each.items()
    ]  # fmt: skip
    header = ["method", "seed", "from_task", "to_task", "layer", "parameters", "mean_square", "weighted_mean_square"]
    return table([*header, "mean_absolute", "weighted_mean_absolute", "rank_correlation_with_importance"], rows)


def _by_tenth(tenths: dict[str, list[list[float]]], moves: dict[str, dict[int, Moved]]) -> str:
    rows = [
        [label, seed, part + 1, value]
        for label, runs in tenths.items()
        for seed, run in zip(moves[label], runs, strict=True)
        for part, value in enumerate(run)
    ]
    return table(["method", "seed", f"importance_{PARTS}th", "change_as_multiple_of_mean"], rows)
