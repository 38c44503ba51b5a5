"""Choose the candidates that `gencl tune` tries: a grid thinned to the budget, then points around the best one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gencl import presets
from gencl.core.assignments import written
from gencl.core.errors import UsageError
from gencl.core.registry import parts_of
from gencl.core.train_settings import TrainSettings
from gencl.experiments import widen
from gencl.experiments.grid import defaults, meant, parse_grid, path_of
from gencl.experiments.widen import Grid, Limits, Values
from gencl.learners import LEARNERS
from gencl.methods import METHODS
from gencl.runs.variants import Variant

_SPREAD = 2 / 3
"""The share of the budget that is spread over a grid too large for it. The rest goes to neighbours of the best."""


@dataclass(frozen=True)
class Experiment:
    """The settings that all candidates share, in the form that `gencl.presets.resolve` takes."""

    preset: str | None
    config: str | Path | None
    assignments: tuple[str, ...]

    def values(self, method: str, paths: Sequence[str], more: Sequence[str] = ()) -> list[Any]:
        """Return the values of the settings at ``paths`` for a method, with ``more`` assignments.

        A value is None if its block does not exist. Raises UsageError if the settings are invalid.
        """
        settings = presets.resolve(self.preset, self.config, method, None, [*self.assignments, *more])
        values: list[Any] = [None] * len(paths)
        for number, path in enumerate(paths):
            with suppress(KeyError):
                values[number] = presets.value_at(settings, path.split("."))
        return values


@dataclass
class Search:
    """The search of one method: its grid, and the candidates of each round.

    Round 0 holds the candidates within the budget. Each later round widens the grid once.
    """

    method: str
    grid: Grid
    experiment: Experiment
    budget: int
    widen: int
    trials: list[tuple[int, Values]] = field(default_factory=list)
    ended: bool = False
    _limits: dict[str, Limits] = field(default_factory=dict)

    @property
    def candidates(self) -> list[Values]:
        """All candidates so far, in the order in which they were tried."""
        return [values for _, values in self.trials]

    @property
    def rounds(self) -> int:
        """How many times the grid was widened."""
        return max(number for number, _ in self.trials)

    @property
    def room(self) -> int:
        """The number of candidates that the budget still allows."""
        return self.budget - sum(number == 0 for number, _ in self.trials)

    def variants(self) -> list[Variant]:
        """Return all candidates as variants for `gencl.experiments.compare`."""
        return [self.variant(candidate) for candidate in self.candidates]

    def variant(self, candidate: Values) -> Variant:
        """Return a candidate as a variant for `gencl.experiments.compare`."""
        assignments = tuple(f"{path_of(self.method, key)}={written(value)}" for key, value in candidate.items())
        return Variant(":".join([self.method, *assignments]), self.method, assignments)

    def advance(self, best: Values | None) -> list[Variant]:
        """Return the variants to train next, given the best candidate so far; none if the search has ended.

        While the budget lasts, they are the best candidate's neighbours in the grid. After that, the grid is widened at
        most ``widen`` times, at each end where the best candidate lies.
        """
        if best is not None and self.room > 0:
            fresh = [point for point in widen.neighbours(self.grid, best) if point not in self.candidates]
            if fresh:
                return self._add(0, fresh[: self.room])
        if best is not None and self.rounds < self.widen:
            wider, fresh = widen.widened(self.grid, best, self._all_limits(), self._allowed)
            if fresh:
                self.grid = wider
                return self._add(self.rounds + 1, fresh)
        self.ended = True
        return []

    def edge(self, best: Values | None) -> dict[str, str]:
        """Return the keys whose best value is at an end of the grid, and why.

        The reason is ``bound`` if the setting allows nothing beyond, or ``limit`` if the rounds of widening ran out.
        """
        if best is None:
            return {}
        _, open_ends = widen.widened(self.grid, best, self._all_limits(), self._allowed)
        further = {key for point in open_ends for key in point if point[key] != best[key]}
        return {key: "limit" if key in further else "bound" for key in widen.ends(self.grid, best)}

    def at_most(self) -> int:
        """Return an upper bound on the number of candidates that may follow."""
        left = 0 if widen.whole(self.grid) <= len(self.trials) else self.room
        return 0 if self.ended else max(left, 0) + (self.widen - self.rounds) * widen.most(self.grid)

    def _add(self, number: int, candidates: list[Values]) -> list[Variant]:
        self.trials += [(number, candidate) for candidate in candidates]
        return [self.variant(candidate) for candidate in candidates]

    def _all_limits(self) -> dict[str, Limits]:
        for key in self.grid:
            if key not in self._limits:
                self._limits[key] = _limits(self.method, key, self.experiment)
        return self._limits

    def _allowed(self, key: str, value: Any) -> bool:
        path = path_of(self.method, key)
        try:
            return self.experiment.values(self.method, [path], [f"{path}={written(value)}"]) == [value]
        except UsageError:
            return False


def _limits(method: str, key: str, experiment: Experiment) -> Limits:
    """Return the limits of a setting. A setting inside a nested block counts as unlimited."""
    section, *names = path_of(method, key).split(".")
    if section == "method":
        part = names.pop(0) if len(parts_of(method)) > 1 else method
        kind = METHODS.get(part).Settings
    else:
        (learner,) = experiment.values(method, ["model.name"])
        kind = TrainSettings if section == "train" else LEARNERS.get(learner).Settings
    return widen.limits_of(kind, names[0]) if len(names) == 1 else Limits()


def searches(
    methods: Sequence[str], grids: Sequence[str], experiment: Experiment, budget: int, rounds: int = 0
) -> list[Search]:
    """Return a search per method, each with at most ``budget`` candidates and at most ``rounds`` rounds of widening.

    Raises UsageError if a number is too small, or a ``--grid`` text is malformed, given twice or fits no method.
    """
    if budget < 1:
        raise UsageError(f"--budget {budget}: at least 1 candidate per method")
    if rounds < 0:
        raise UsageError(f"--widen {rounds}: at least 0 rounds (0: grids are not widened)")
    chosen: dict[str, Grid] = {method: defaults(method) for method in methods}
    parsed = [(*parse_grid(text), text) for text in grids]
    keys = [key for key, _, _ in parsed]
    if (twice := next((key for key in keys if keys.count(key) > 1), None)) is not None:
        raise UsageError(f"--grid {twice}=...: is there twice; name all of its values once")
    # grids for one method come last, so that they win over grids for all methods
    for key, values, text in sorted(parsed, key=lambda one: one[0].partition(".")[0] in METHODS):
        for method, setting in meant(key, methods, text):
            chosen[method][setting] = values
    return [_search(method, grid, experiment, budget, rounds) for method, grid in chosen.items()]


def _search(method: str, grid: Grid, experiment: Experiment, budget: int, rounds: int) -> Search:
    """Return the method's search with its first candidates.

    Every value is checked and resolved: ``0.5x`` becomes half of the experiment's value.
    """
    paths = {key: path_of(method, key) for key in grid}
    resolved: Grid = {}
    for key, values in grid.items():
        resolved[key] = []
        for value in values:
            checked = _checked(experiment, method, key, paths[key], written(value))
            if checked not in resolved[key]:
                resolved[key].append(checked)
        if widen.numeric(resolved[key]):
            resolved[key].sort()
    present = dict(zip(grid, experiment.values(method, list(paths.values())), strict=True))
    points = list(itertools.product(*(range(len(values)) for values in resolved.values())))
    now = tuple(values.index(present[key]) if present[key] in values else None for key, values in resolved.items())
    sizes = [len(values) for values in resolved.values()]
    kept = thinned(points, sizes, budget if len(points) <= budget else math.ceil(_SPREAD * budget), now)
    candidates = [{key: resolved[key][i] for key, i in zip(resolved, point, strict=True)} for point in kept]
    return Search(method, resolved, experiment, budget, rounds, [(0, candidate) for candidate in candidates])


def _checked(experiment: Experiment, method: str, key: str, path: str, value: str) -> Any:
    """Return the setting's value as the method's settings hold it. Raises UsageError, naming ``--grid``."""
    try:
        return experiment.values(method, [path], [f"{path}={value}"])[0]
    except UsageError as error:
        raise UsageError(str(error).replace(f"--set {path}={value}:", f"--grid {key}={value}:", 1)) from error


def thinned(
    points: Sequence[tuple[int, ...]], sizes: Sequence[int], budget: int, first: Sequence[int | None] = ()
) -> list[tuple[int, ...]]:
    """Return at most ``budget`` points of a grid, evenly spread over every axis, in sorted order.

    The first point chosen has as many of the values in ``first`` as possible (None: any), and among several such
    points it is the one nearest the middle. Each next one is the point whose values were used least so far. Among
    several, it is the one farthest from those chosen: with the least sum of inverse squared distances, where each axis
    has length 1.

    Args:
        points: the indices of a point's values, one per axis.
        sizes: the number of values on each axis.
    """
    if len(points) <= budget:
        return list(points)

    def place(point: tuple[int, ...]) -> list[float]:
        return [i / (size - 1) if size > 1 else 0.0 for i, size in zip(point, sizes, strict=True)]

    def distance(a: tuple[int, ...], b: tuple[int, ...]) -> float:
        return sum((x - y) ** 2 for x, y in zip(place(a), place(b), strict=True))

    def off(point: tuple[int, ...]) -> tuple[int, float]:
        missed = sum(wanted not in (None, i) for i, wanted in zip(point, first, strict=False))
        return missed, sum((x - 0.5) ** 2 for x in place(point))

    start = min(points, key=off)
    chosen, rest = [start], [point for point in points if point != start]
    crowding = dict.fromkeys(rest, 0.0)
    used = [[0] * size for size in sizes]
    for _ in range(budget - 1):
        for axis, i in enumerate(chosen[-1]):
            used[axis][i] += 1
        for point in rest:
            crowding[point] += 1 / distance(point, chosen[-1])
        best = min(rest, key=lambda p: (sum(used[axis][i] for axis, i in enumerate(p)), crowding[p]))
        chosen.append(best)
        rest.remove(best)
    return sorted(chosen)
