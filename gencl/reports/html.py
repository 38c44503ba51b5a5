"""The HTML report of a run: one self-contained file that opens from disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gencl.core import files
from gencl.core.errors import UsageError
from gencl.core.registry import parts_of
from gencl.drawing.charts import Line
from gencl.drawing.curves import so_far
from gencl.drawing.losses import loss_charts
from gencl.methods import METHODS
from gencl.metrics.figures import headlines, is_pooled, meaning, shown, with_unit
from gencl.metrics.transfer import Matrix
from gencl.presets.papers import comparable, published
from gencl.reports.learned import learned, measured_once, told
from gencl.reports.page import chart_of, environment, heat, inline, lower_is_better, metric_about, preset_about, up_to
from gencl.reports.repeat import train_command
from gencl.reports.scales import scale_of
from gencl.reports.tables import floor_lines, overall_rows
from gencl.runs.build import unread
from gencl.scenarios.attribution import told as inferred

if TYPE_CHECKING:
    from gencl.runs.folder import RunFolder

NAMED_LINES = 12
"""With more tasks than this, a chart names only the line of the mean."""
_FILL = ("train_seconds", "peak_memory_bytes")
"""Costs that may take a place among the headline figures if a run has few of them."""
_PARTS = (("training", "train"), ("importance", "importance"), ("measuring", "eval"))


def write(run: RunFolder, out: str | Path | None = None) -> Path:
    """Write the report of a run to its report.html, or to ``out``, and return the path.

    Raises UsageError if a ready model has no ``out``, or if the folder of ``out`` does not exist. Raises GenclError as
    `render` does.
    """
    if run.ready and out is None:
        raise UsageError(f"{run.path.name} is a ready model: say by --out where its report goes")
    path = run.path / "report.html" if out is None else files.place(out)
    if out is not None and not path.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {path.parent}")
    files.check_folder(path.parent)
    files.write(path, render(run))
    return path


def render(run: RunFolder) -> str:
    """Return the report of a run as HTML. Raises GenclError if a file that it needs is missing or damaged."""
    metrics, settings = run.metrics, run.settings
    tasks, samples = metrics["tasks"], run.path / "samples"
    grids = {int(path.stem.removeprefix("task-")): inline(path) for path in run.grids()}
    drawn = [(number, task) for number, task in enumerate(tasks, 1) if number in grids]
    return (
        environment()
        .get_template("run.html.j2")
        .render(
            metrics=metrics,
            title=f"{metrics['method']} on {metrics['preset']}",
            about=preset_about(metrics["preset"]),
            method_about=_method_about(metrics["method"]),
            matrices=[_measured(name, matrix, metrics) for name, matrix in metrics["matrices"].items()],
            cards=_cards(metrics),
            boundaries=inferred(metrics["boundaries"]) if metrics.get("boundaries") else None,
            figures=_figures(metrics),
            learned=learned(run),
            losses=loss_charts(run.path / "log.jsonl"),
            picture=inline(samples / "beside-real.png"),
            grids=[{"number": number, "task": task, "src": grids[number]} for number, task in drawn],
            evolution=inline(samples / "evolution.png"),
            animation=inline(samples / "evolution.gif"),
            evaluation=_evaluation(run),
            capacity=_capacity(metrics.get("capacity")),
            paper=_paper(metrics) if comparable(settings) else None,
            cost=_cost(metrics["cost"]),
            command=train_command(settings),
            settings=settings.to_yaml(unread(settings)),
        )
    )


def _cards(metrics: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return the names and values of the run's headline figures, at most three."""
    values = {**metrics["summary"], **{name: metrics["cost"].get(name) for name in _FILL}}
    return [(name, values[name]) for name in headlines(values)]


def _figures(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return all figures with their meaning, and with the score of real images if it was measured."""
    floor = metrics.get("floor") or {}
    rows = [
        {
            "name": name,
            "value": with_unit(name, value),
            "real": with_unit(name, floor[name]) if floor.get(name) is not None else "",
            "meaning": meaning(name, metrics.get("features")),
        }
        for name, value in metrics["summary"].items()
    ]
    return {"rows": rows, "real": any(row["real"] for row in rows)}


def _measured(name: str, matrix: Matrix, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return a matrix R as a heat map, a chart and a sentence.

    If the metric is pooled, R[i][j] is the score on tasks 0 to j together, else on task j alone.
    """
    tasks, features = metrics["tasks"], metrics.get("features", {})
    pooled = is_pooled(name, features)
    columns = up_to(tasks) if pooled else tasks
    lines = [Line("all so far" if pooled else "mean so far", so_far(matrix, pooled), main=True)]
    for j, column in enumerate(columns):
        lines.append(Line(column, [row[j] if i >= j else None for i, row in enumerate(matrix)]))
    scale = scale_of(name, matrix, (metrics.get("floor") or {}).get(name))
    measured = [i for i, row in enumerate(matrix) if any(value is not None for value in row)]
    return {
        "name": name,
        "about": metric_about(name),
        "lower": lower_is_better(name),
        "pooled": pooled,
        "once": measured_once(matrix),
        "heat": heat(name, [matrix[i] for i in measured], scale),
        "rows": [tasks[i] for i in measured],
        "columns": columns,
        "scale": scale,
        "chart": chart_of(name, lines, "", features) if len(tasks) > 1 else None,
        "named": len(tasks) <= NAMED_LINES,
        "told": "" if pooled else told(name, matrix, tasks, features),
    }


def _evaluation(run: RunFolder) -> dict[str, Any] | None:
    """Return the content of evaluation.json for the report, or None if there is no such file.

    It is written at the end of training or by `gencl evaluate`.
    """
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
        "last": [
            {"name": last, "cells": [with_unit(name, values[name]) if name in values else "" for name in names]}
            for last, values in overall_rows(evaluation).items()
        ],
        "real": [with_unit(name, evaluation["floor"].get(name)) for name in names] if evaluation.get("floor") else [],
        "notes": floor_lines(evaluation["features"], evaluation.get("floor", {})),
        "about": {name: text for name in names if (text := metric_about(name))},
        "classes": _classes(evaluation.get("classes") or {}),
    }


def _classes(scores: Mapping[str, Mapping[str, float]]) -> dict[str, Any] | None:
    """Return the scores per class, or None if there are none."""
    names = list(dict.fromkeys(name for row in scores.values() for name in row))
    rows = [{"class": label, "cells": [with_unit(n, row.get(n)) for n in names]} for label, row in scores.items()]
    return {"names": names, "rows": rows} if names else None


def _capacity(taken: Sequence[Mapping[str, float]] | None) -> dict[str, Any] | None:
    if not taken:
        return None
    rows = [[{"text": f"{100 * s:.1f}", "good": f"{100 * (1 - s):.0f}%"} for s in row.values()] for row in taken]
    return {"layers": list(taken[0]), "rows": rows}


def _paper(metrics: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return this run's figures beside those a paper published for the method, or None if there are none."""
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
    """Return the seconds of training, importance and measuring, and their shares of the total."""
    parts = [(name, cost[f"{key}_seconds"]) for name, key in _PARTS]
    whole = sum(seconds for _, seconds in parts) or 1.0
    return [{"name": name, "seconds": s, "share": f"{100 * s / whole:.1f}%"} for name, s in parts]


def _method_about(name: str) -> str:
    """Return the descriptions of a method's parts, separated by semicolons."""
    return "; ".join(METHODS.about(part) for part in parts_of(name) if part in METHODS)
