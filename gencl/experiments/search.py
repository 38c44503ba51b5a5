"""What `gencl tune` tries for each method: its grid thinned to the budget, then what lies around the best."""

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
"""The share of the budget that is spread over a grid too large for it; the rest goes to the best's neighbours."""


@dataclass(frozen=True)
class Experiment:
    """What all candidates share, as `gencl.presets.resolve` takes it."""

    preset: str | None
    config: str | Path | None
    assignments: tuple[str, ...]

    def values(self, method: str, paths: Sequence[str], more: Sequence[str] = ()) -> list[Any]:
        """The values of these settings for a method, with ``more`` assignments; None within a block that is not there.

        Raises UsageError.
        """
        settings = presets.resolve(self.preset, self.config, method, None, [*self.assignments, *more])
        values: list[Any] = [None] * len(paths)
        for number, path in enumerate(paths):
            with suppress(KeyError):
                values[number] = presets.value_at(settings, path.split("."))
        return values


@dataclass
class Search:
    """The search of one method: its grid, and what was tried in which round (0: within the budget, then widened)."""

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
        """All that was tried so far, in order."""
        return [values for _, values in self.trials]

    @property
    def rounds(self) -> int:
        """How often the grid was widened."""
        return max(number for number, _ in self.trials)

    @property
    def room(self) -> int:
        """How many candidates the budget still allows."""
        return self.budget - sum(number == 0 for number, _ in self.trials)

    def variants(self) -> list[Variant]:
        """What `gencl.experiments.compare` trains, a variant a candidate."""
        return [self.variant(candidate) for candidate in self.candidates]

    def variant(self, candidate: Values) -> Variant:
        """A candidate as `gencl.experiments.compare` takes it."""
        assignments = tuple(f"{path_of(self.method, key)}={written(value)}" for key, value in candidate.items())
        return Variant(":".join([self.method, *assignments]), self.method, assignments)

    def advance(self, best: Values | None) -> list[Variant]:
        """Return what to train next, given the best so far; nothing when the search has ended.

        While the budget lasts these are the best's neighbours in the grid. Then, at most ``widen`` times, it is what
        lies beyond the ends of the grid where the best stands.
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
        """Return the keys whose best value is at an end of the grid, and why: ``bound`` (the setting's) or ``limit``
        (of rounds)."""
        if best is None:
            return {}
        _, open_ends = widen.widened(self.grid, best, self._all_limits(), self._allowed)
        further = {key for point in open_ends for key in point if point[key] != best[key]}
        return {key: "limit" if key in further else "bound" for key in widen.ends(self.grid, best)}

    def at_most(self) -> int:
        """Return how many candidates may yet follow."""
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
    """The limits of a setting; a setting deeper within a block has none."""
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
    """The search of each method, which may widen its grid so many ``rounds``. Raises UsageError."""
    if budget < 1:
        raise UsageError(f"--budget {budget}: at least 1 candidate per method")
    if rounds < 0:
        raise UsageError(f"--widen {rounds}: at least 0 rounds (0: grids are not widened)")
    chosen: dict[str, Grid] = {method: defaults(method) for method in methods}
    parsed = [(*parse_grid(text), text) for text in grids]
    keys = [key for key, _, _ in parsed]
    if (twice := next((key for key in keys if keys.count(key) > 1), None)) is not None:
        raise UsageError(f"--grid {twice}=...: is there twice; name all of its values once")
    for key, values, text in sorted(parsed, key=lambda one: one[0].partition(".")[0] in METHODS):  # of a method: last
        for method, setting in meant(key, methods, text):
            chosen[method][setting] = values
    return [_search(method, grid, experiment, budget, rounds) for method, grid in chosen.items()]


def _search(method: str, grid: Grid, experiment: Experiment, budget: int, rounds: int) -> Search:
    """The method's first candidates; every value is checked and resolved (``0.5x`` of the present one)."""
    paths = {key: path_of(method, key) for key in grid}
    resolved: Grid = {}
    for key, values in grid.items():
        resolved[key] = []
        for value in values:
            (checked,) = experiment.values(method, [paths[key]], [f"{paths[key]}={written(value)}"])
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


def thinned(
    points: Sequence[tuple[int, ...]], sizes: Sequence[int], budget: int, first: Sequence[int | None] = ()
) -> list[tuple[int, ...]]:
    """Return at most ``budget`` of the points of a grid, evenly spread over every axis, in their order.

    The first chosen has the values ``first`` (None: any) and is else nearest the middle. Each next one is the point
    whose values were used least so far; among several, the one farthest from those chosen (least sum of inverse squared
    distances, each axis being 1 long).
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
