"""The report of a run as HTML: one file that opens from disk, with everything inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from gencl.core import files
from gencl.core.errors import GenclError, UsageError
from gencl.core.registry import parts_of
from gencl.drawing.charts import Line
from gencl.drawing.curves import so_far
from gencl.methods import METHODS
from gencl.metrics.figures import meanings, shown, with_unit
from gencl.metrics.transfer import Matrix
from gencl.presets.papers import comparable, published
from gencl.reports.page import capital, chart_of, environment, heat, inline, lower_is_better, metric_about, preset_about
from gencl.reports.repeat import train_command
from gencl.reports.tables import floor_lines

if TYPE_CHECKING:
    from gencl.runs.folder import RunFolder

NAMED_LINES = 12
"""Of more tasks only the mean is named beside a chart."""
_PARTS = (("training", "train"), ("importance", "importance"), ("measuring", "eval"))


def write(run: RunFolder, out: str | Path | None = None) -> Path:
    """Writes the report of a run to report.html in it (or to ``out``) and returns the path.

    Raises UsageError for a ready model without ``out``, GenclError as `render` does.
    """
    if run.ready and out is None:
        raise UsageError(f"{run.path.name} is a ready model: say by --out where its report goes")
    path = run.path / "report.html" if out is None else files.place(out)
    files.check_folder(path.parent)
    files.write(path, render(run))
    return path


def render(run: RunFolder) -> str:
    """The report of a run. Raises GenclError where metrics.json or config.yaml is absent or damaged."""
    metrics, settings = run.metrics, run.settings
    tasks, samples = metrics["tasks"], run.path / "samples"
    grids = [inline(path) for path in sorted(samples.glob("task-*.png"))]
    first = len(tasks) - len(grids) + 1  # joint training draws once, after the last task
    return (
        environment()
        .get_template("run.html.j2")
        .render(
            metrics=metrics,
            title=f"{metrics['method']} on {metrics['preset']}",
            about=preset_about(metrics["preset"]),
            method_about=_method_about(metrics["method"]),
            matrices=[
                _measured(name, matrix, tasks, metrics.get("features", {}))
                for name, matrix in metrics["matrices"].items()
            ],
            learned=_learned(run),
            grids=[{"number": first + i, "task": tasks[first + i - 1], "src": grid} for i, grid in enumerate(grids)],
            evolution=inline(samples / "evolution.png"),
            animation=inline(samples / "evolution.gif"),
            evaluation=_evaluation(run),
            capacity=_capacity(metrics.get("capacity")),
            meanings=meanings(metrics["summary"]),
            paper=_paper(metrics) if comparable(settings) else None,
            cost=_cost(metrics["cost"]),
            command=train_command(settings),
            settings=settings.to_yaml(),
        )
    )


def _measured(name: str, matrix: Matrix, tasks: Sequence[str], features: Mapping[str, Any]) -> dict[str, Any]:
    """A matrix as heat map, as chart and in words. Where it is pooled, R[i][j] is of all tasks up to j together."""
    pooled = name in features.get("pooled", ())
    lines = [Line("all so far" if pooled else "mean so far", so_far(matrix, pooled), main=True)]
    for j, task in enumerate(tasks):
        line = f"up to {task}" if pooled and j else task
        lines.append(Line(line, [row[j] if i >= j else None for i, row in enumerate(matrix)]))
    return {
        "name": name,
        "about": metric_about(name),
        "lower": lower_is_better(name),
        "pooled": pooled,
        "heat": heat(name, matrix),
        "chart": chart_of(name, lines, "", features) if len(tasks) > 1 else None,
        "named": len(tasks) <= NAMED_LINES,
        "told": "" if pooled else _told(name, matrix, tasks, features),
    }


def _told(name: str, matrix: Matrix, tasks: Sequence[str], features: Mapping[str, Any] | None = None) -> str:
    """The matrix in a sentence or two; nothing where it was measured once only."""
    pairs = [
        (task, just, end)
        for j, task in enumerate(tasks)
        if (just := matrix[j][j]) is not None and (end := matrix[-1][j]) is not None
    ]
    if len(tasks) < 2 or len(pairs) < len(tasks):
        return ""
    sign = -1 if lower_is_better(name) else 1
    just, end = fmean(pair[1] for pair in pairs), fmean(pair[2] for pair in pairs)
    task, before, after = max(pairs[:-1], key=lambda pair: sign * (pair[1] - pair[2]))
    told = (
        f"{capital(name, features)} was {with_unit(name, just)} on average when a task had just been learned, and is "
        f"{with_unit(name, end)} over all tasks at the end. "
    )
    if sign * (before - after) <= 0:
        return told + "No task lost anything."
    return told + f"Task “{task}” lost most: from {with_unit(name, before)} to {with_unit(name, after)}."


def _learned(run: RunFolder) -> list[dict[str, Any]]:
    """A row a task: its classes, each measure when it had just been learned and at the end, and its time."""
    metrics = run.metrics
    rows, times = [], metrics["cost"].get("by_task") or []
    classes: list[str] = []
    with suppress(GenclError):
        card = run.card
        classes = [", ".join(dict.fromkeys(card.class_names[c] for c in task)) for task in card.tasks]
    for j, task in enumerate(metrics["tasks"]):
        measures = []
        for name, matrix in metrics["matrices"].items():
            just, end = matrix[j][j], matrix[-1][j]
            change = None if just is None or end is None else end - just
            worse = change is not None and (change > 0) == lower_is_better(name) and change != 0
            measures.append(
                {"just": shown(name, just), "end": shown(name, end), "change": _signed(name, change), "worse": worse}
            )
        rows.append(
            {
                "task": task,
                "classes": classes[j] if j < len(classes) and classes[j].replace(", ", ",") != task else "",
                "measures": measures,
                "seconds": times[j]["train_seconds"] if len(times) == len(metrics["tasks"]) else None,
            }
        )
    return rows


def _signed(name: str, change: float | None) -> str:
    if change is None:
        return "-"
    text = shown(name, abs(change))
    return text if not change else f"{'+' if change > 0 else '−'}{text}"


def _evaluation(run: RunFolder) -> dict[str, Any] | None:
    """What was measured at the end alone, or by `gencl evaluate` since."""
    if not (run.path / "evaluation.json").is_file():
        return None
    evaluation = run.evaluation
    names = list(evaluation["mean"])
    return {
        "names": names,
        "n": evaluation["n"],
        "features": evaluation["features"],
        "rows": [
            {"task": str(row.get("task", "")), "cells": [with_unit(name, row.get(name)) for name in names]}
            for row in evaluation["tasks"]
        ],
        "mean": [with_unit(name, evaluation["mean"][name]) for name in names],
        "mean_name": "all" if evaluation["features"].get("pooled") else "mean",
        "real": [with_unit(name, evaluation["floor"].get(name)) for name in names] if evaluation.get("floor") else [],
        "notes": floor_lines(evaluation["features"], evaluation.get("floor", {})),
        "about": {name: text for name in names if (text := metric_about(name))},
    }


def _capacity(taken: Sequence[Mapping[str, float]] | None) -> dict[str, Any] | None:
    if not taken:
        return None
    rows = [[{"text": f"{100 * s:.1f}", "good": f"{100 * (1 - s):.0f}%"} for s in row.values()] for row in taken]
    return {"layers": list(taken[0]), "rows": rows}


def _paper(metrics: Mapping[str, Any]) -> dict[str, Any] | None:
    """This run beside what a paper published for the method, where one did."""
    row = published(metrics["preset"], metrics["method"])
    if row is None:
        return None
    figures = []
    for key in (key for key in row if key not in ("source", "note") and not key.endswith("_std")):
        spread = f" ± {shown(key, row[f'{key}_std'])}" if f"{key}_std" in row else ""
        figures.append(
            {"key": key, "here": shown(key, metrics["summary"].get(key)), "there": shown(key, row[key]) + spread}
        )
    return {"source": row["source"], "note": row.get("note", ""), "figures": figures}


def _cost(cost: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Where the time went."""
    parts = [(name, cost[f"{key}_seconds"]) for name, key in _PARTS]
    whole = sum(seconds for _, seconds in parts) or 1.0
    return [{"name": name, "seconds": s, "share": f"{100 * s / whole:.1f}%"} for name, s in parts]


def _method_about(name: str) -> str:
    """A line about each part of a method."""
    return "; ".join(METHODS.about(part) for part in parts_of(name) if part in METHODS)
