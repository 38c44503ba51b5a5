"""What `gencl tune` tries for each method: the product of its grid, thinned to the budget."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gencl import presets, yaml_files
from gencl.errors import UsageError
from gencl.methods import METHODS
from gencl.registry import did_you_mean, parts_of
from gencl.training.variants import Variant

_GENERAL = ("train", "model")
"""The sections that may be searched; the others change what is measured."""

Grid = dict[str, list[Any]]
"""Values by key, as the keys stand in a preset's ``methods:`` block: ``lambda``, ``train.lr``."""


@dataclass(frozen=True)
class Experiment:
    """What all candidates share, as `gencl.presets.resolve` takes it."""

    preset: str | None
    config: str | Path | None
    assignments: tuple[str, ...]

    def values(self, method: str, paths: Sequence[str], more: Sequence[str] = ()) -> list[Any]:
        """The values of these settings for a method, with ``more`` assignments. Raises UsageError."""
        settings = presets.resolve(self.preset, self.config, method, None, [*self.assignments, *more])
        return [presets.value_at(settings, path.split(".")) for path in paths]


@dataclass(frozen=True)
class Search:
    """The candidates of one method."""

    method: str
    grid: Grid
    candidates: list[dict[str, Any]]

    def variants(self) -> list[Variant]:
        """What `gencl.training.compare` trains, a variant a candidate."""
        found = []
        for candidate in self.candidates:
            assignments = tuple(f"{path_of(self.method, key)}={_text(value)}" for key, value in candidate.items())
            found.append(Variant(":".join([self.method, *assignments]), self.method, assignments))
        return found


def path_of(method: str, key: str) -> str:
    """Where a key of a grid stands in the settings of a run: ``lambda`` -> ``method.lambda``."""
    section = key.split(".", maxsplit=1)[0]
    return key if section in _GENERAL and section not in parts_of(method) else f"method.{key}"


def parse_grid(text: str) -> tuple[str, list[Any]]:
    """``"lambda=0.1,1"`` -> ("lambda", [0.1, 1]). Commas within brackets separate nothing. Raises UsageError."""
    key, equals, values = text.partition("=")
    key = key.strip().removeprefix("method.")
    if not equals or not all(key.split(".")):
        raise UsageError(f"--grid {text}: write KEY=V1,V2, for example --grid lambda=0.1,1,10")
    parts = [part.strip() for part in re.split(r",(?![^\[{]*[\]}])", values)]
    if not all(parts):
        raise UsageError(f"--grid {text}: {'a value is missing' if any(parts) else 'it holds no values'}")
    try:
        return key, [yaml_files.load(part) for part in parts]
    except ValueError:
        raise UsageError(f"--grid {text}: {values!r} are not values that YAML understands") from None


def searches(
    methods: Sequence[str], grids: Sequence[str], experiment: Experiment, budget: int
) -> tuple[list[Search], list[str]]:
    """The search of each method, and the methods for which there is nothing to choose. Raises UsageError."""
    if budget < 1:
        raise UsageError(f"--budget {budget}: at least 1 candidate a method")
    chosen: dict[str, Grid] = {method: _defaults(method) for method in methods}
    for text in grids:
        key, values = parse_grid(text)
        for method, own in _meant(key, methods, text):
            chosen[method][own] = values
    found, skipped = [], []
    for method, grid in chosen.items():
        if grid:
            found.append(_search(method, grid, experiment, budget))
        else:
            skipped.append(method)
    if not found:
        raise UsageError(f"nothing to tune for {', '.join(skipped)}: give a grid, such as --grid train.lr=0.01,0.1")
    return found, skipped


def _settings_of(part: str) -> list[str]:
    fields = METHODS.get(part).Settings.model_fields
    return [field.alias or name for name, field in fields.items()]


def _own(method: str, part: str, key: str) -> str:
    return f"{part}.{key}" if len(parts_of(method)) > 1 else key


def _defaults(method: str) -> Grid:
    parts = parts_of(method)
    return {_own(method, part, key): list(v) for part in parts for key, v in METHODS.get(part).grid.items()}


def _meant(key: str, methods: Sequence[str], text: str) -> list[tuple[str, str]]:
    """The methods that a ``--grid`` is for, with their key for it."""
    first, _, rest = key.partition(".")
    pairs = [(method, part) for method in methods for part in parts_of(method)]
    if rest and first in METHODS:
        if first not in {part for _, part in pairs}:
            raise UsageError(f"--grid {text}: {first} is not among --methods {','.join(methods)}")
        if rest.split(".")[0] in _GENERAL and "." in rest:
            return [(method, rest) for method, part in pairs if part == first]
        if rest not in _settings_of(first):
            raise UsageError(f"--grid {text}: {first} has no setting {rest}{did_you_mean(rest, _settings_of(first))}")
        return [(method, _own(method, part, rest)) for method, part in pairs if part == first]
    if rest:
        if first not in _GENERAL:
            raise UsageError(
                f"--grid {text}: {first} is neither a method nor one of {', '.join(_GENERAL)} (others change what is "
                "measured); write SETTING=..., METHOD.SETTING=... or train.lr=..."
            )
        return [(method, key) for method in methods]
    found = [(method, _own(method, part, key)) for method, part in pairs if key in _settings_of(part)]
    if not found:
        known = {name for _, part in pairs for name in _settings_of(part)}
        raise UsageError(f"--grid {text}: none of {', '.join(methods)} has a setting {key}{did_you_mean(key, known)}")
    return found


def _search(method: str, grid: Grid, experiment: Experiment, budget: int) -> Search:
    """The method's candidates; every value is checked and resolved (``0.5x`` of the present one)."""
    paths = {key: path_of(method, key) for key in grid}
    resolved: Grid = {}
    for key, values in grid.items():
        resolved[key] = []
        for value in values:
            (found,) = experiment.values(method, [paths[key]], [f"{paths[key]}={_text(value)}"])
            if found not in resolved[key]:
                resolved[key].append(found)
    present = dict(zip(grid, experiment.values(method, list(paths.values())), strict=True))
    points = list(itertools.product(*(range(len(values)) for values in resolved.values())))
    now = [values.index(present[key]) if present[key] in values else None for key, values in resolved.items()]
    first = None if None in now else tuple(place for place in now if place is not None)
    kept = thinned(points, [len(values) for values in resolved.values()], budget, first)
    candidates = [{key: resolved[key][i] for key, i in zip(resolved, point, strict=True)} for point in kept]
    return Search(method, resolved, candidates)


def thinned(
    points: Sequence[tuple[int, ...]], sizes: Sequence[int], budget: int, first: tuple[int, ...] | None = None
) -> list[tuple[int, ...]]:
    """At most ``budget`` of the points of a grid, evenly spread, in their order; ``first`` is always among them.

    One after another: the point whose values were used least so far, then the one farthest from those chosen (least
    sum of inverse squared distances, each axis being 1 long).
    """
    if len(points) <= budget:
        return list(points)

    def place(point: tuple[int, ...]) -> list[float]:
        return [i / (size - 1) if size > 1 else 0.0 for i, size in zip(point, sizes, strict=True)]

    def distance(a: tuple[int, ...], b: tuple[int, ...]) -> float:
        return sum((x - y) ** 2 for x, y in zip(place(a), place(b), strict=True))

    start = first if first is not None else min(points, key=lambda p: sum((x - 0.5) ** 2 for x in place(p)))
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


def _text(value: Any) -> str:
    """A value as ``--set`` takes it: YAML on one line, without quotes where they are not needed."""
    if (
        isinstance(value, str)
        and re.fullmatch(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]*", value)
        and yaml_files.load(value) == value
    ):
        return value
    return json.dumps(value)
