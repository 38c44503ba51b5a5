"""Compute small charts of a run's losses, one per stage of training, with tasks as consecutive bands."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gencl.drawing.charts import axis, path_of

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 400, 190, 46, 24, 26
POINTS = 300
"""Maximal number of points per line; beyond it, neighbours are averaged."""
WIDE = 20.0
"""Positive losses that differ by more than this factor get a logarithmic axis."""


@dataclass(frozen=True)
class Losses:
    """A chart ready for the template.

    ``bands`` are the name, left edge and width of each task. ``lines`` are the name, points and last value of each
    loss.
    """

    stage: str
    bands: list[tuple[str, float, float]]
    lines: list[tuple[str, str, str]]
    y_ticks: list[tuple[float, str]]
    steps: int
    log: bool
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def loss_charts(path: Path) -> list[Losses]:
    """Return one chart per stage in a log.jsonl, [] if the file is absent. Unreadable lines are skipped.

    The log counts the steps of a task over all its stages; a chart counts those of its own stage.
    """
    stages: dict[str, list[tuple[str, int, dict[str, float]]]] = {}
    taken: dict[str, int] = {}
    before, last = "", 0
    for stage, task, step, losses in _entries(path):
        if task != before or step <= last:
            taken, before, last = {}, task, 0
        taken[stage] = taken.get(stage, 0) + step - last
        last = step
        stages.setdefault(stage, []).append((task, taken[stage], losses))
    return [chart for stage, entries in stages.items() if (chart := _chart(stage, entries)) is not None]


def _entries(path: Path) -> Iterator[tuple[str, str, int, dict[str, float]]]:
    with suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            with suppress(ValueError, KeyError, TypeError, AttributeError):
                entry: dict[str, Any] = json.loads(line)
                losses = {str(name): float(value) for name, value in entry["loss"].items()}
                finite = {name: value for name, value in losses.items() if math.isfinite(value)}
                yield str(entry["stage"]), str(entry["task"]), int(entry["step"]), finite


def _chart(stage: str, entries: list[tuple[str, int, dict[str, float]]]) -> Losses | None:
    bands: list[tuple[str, int, int]] = []
    lines: dict[str, list[tuple[float, float]]] = {}
    for task, step, losses in entries:
        if not bands or task != bands[-1][0]:
            bands.append((task, bands[-1][2] if bands else 0, 0))
        begin = bands[-1][1]
        bands[-1] = (task, begin, begin + step)
        for name, value in losses.items():
            lines.setdefault(name, []).append((begin + step, value))
    lines = {name: _fewer(points) for name, points in lines.items() if len(points) > 1}
    if not lines:
        return None
    values = [value for points in lines.values() for _, value in points]
    log = min(values) > 0 and max(values) > WIDE * min(values)
    y, y_ticks = axis(min(values), max(values), TOP, HEIGHT - BOTTOM, log)
    end = max(1, bands[-1][2])

    def x(step: float) -> float:
        return round(LEFT + (WIDTH - LEFT - 4) * step / end, 1)

    return Losses(
        stage,
        [(task, x(first), round(x(last) - x(first), 1)) for task, first, last in bands],
        [
            (name, path_of([(x(step), y(value)) for step, value in points]), f"{points[-1][1]:.3g}")
            for name, points in lines.items()
        ],
        y_ticks,
        end,
        log,
    )


def _fewer(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Average neighbouring points, so that at most `POINTS` remain."""
    size = -(-len(points) // POINTS)
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]
