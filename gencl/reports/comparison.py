"""The HTML report of a comparison: tables, published figures, curves, final scores per task, pictures, cost."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from gencl.core import files
from gencl.core.documents import read
from gencl.core.errors import GenclError, UsageError
from gencl.drawing.charts import Chart, Line
from gencl.drawing.curves import over_tasks
from gencl.metrics.figures import REAL, added_figures, is_pooled, meanings
from gencl.reports import ties
from gencl.reports.comparison_tables import (
    COST,
    DETAIL,
    QUALITY,
    cell_of,
    comparison_keys,
    notes,
    published_cells,
    runs_of,
)
from gencl.reports.page import chart_of, environment, heat, inline, lower_is_better, metric_about, preset_about, up_to
from gencl.reports.repeat import compare_command
from gencl.reports.scales import scale_of
from gencl.reports.verdict import listed, verdict
from gencl.runs.build import unread
from gencl.runs.documents import Results
from gencl.runs.folder import RunFolder
from gencl.runs.variants import Variant, cell_folder, parse_variants

_MOST_TASKS = 10_000
_TIME = "train_seconds"


def is_comparison(folder: Path) -> bool:
    """Return whether `gencl compare` wrote this directory."""
    return (folder / "results.json").is_file() and not (folder / "config.yaml").exists()


def write_comparison(folder: str | Path, out: str | Path | None = None) -> Path:
    """Write the report of a comparison to its report.html, or to ``out``, and return the path.

    Raises GenclError if a file of the comparison is damaged.
    """
    path = files.place(folder) / "report.html" if out is None else files.place(out)
    files.check_folder(path.parent)
    files.write(path, render(files.place(folder)))
    return path


def render(folder: Path) -> str:
    """Return the report as HTML.

    The tables need only results.json. The scores per task and the evolution strips come from the run folders beside
    it, and are left out for runs that are missing. Raises GenclError if results.json or curves.csv is damaged.
    """
    results = read(folder / "results.json", Results)[1]
    runs = {label: _runs(folder, label, results["seeds"]) for label in results["methods"] if label != REAL}
    chart = _chart(folder, results.get("features"))
    keys = [key for key in comparison_keys(results, [*QUALITY, *DETAIL, *added_figures()]) if key != _TIME]
    costs = comparison_keys(results, [_TIME, *COST])
    return (
        environment()
        .get_template("comparison.html.j2")
        .render(
            title=f"{len(runs)} methods on {results['preset']}",
            about=preset_about(results["preset"]),
            verdict=verdict(results),
            results=results,
            seeds=", ".join(map(str, results["seeds"])),
            keys=keys,
            rows=_rows(results, keys),
            costs=costs,
            cost_rows=_rows(results, costs),
            meanings=meanings(keys, results.get("features")),
            notes=notes(results),
            legend=ties.legend(results),
            differences=_differences(results),
            chart=chart,
            level=listed([line.name for line in chart.lines if line.kind == "level"]) if chart else "",
            kept=_kept(runs, results),
            samples=inline(folder / "samples.png"),
            strips=_strips(runs),
            environment=_environments([run for of_method in runs.values() for run in of_method]),
            command=_command(results, runs),
            settings={label: _settings(of_method[0]) for label, of_method in runs.items() if of_method},
        )
    )


def _runs(folder: Path, label: str, seeds: Sequence[int]) -> list[RunFolder]:
    """Return the finished, readable runs of a method, in the order of their seeds."""
    readable = []
    for seed in seeds:
        run = RunFolder(cell_folder(folder, Variant(label, label), seed))
        with suppress(GenclError):
            if run.finished and run.metrics and run.settings:
                readable.append(run)
    return readable


def _environments(runs: Sequence[RunFolder]) -> dict[str, str]:
    """Return where the runs ran: of each entry all values, as those of a continued comparison may differ."""
    values: dict[str, dict[str, None]] = {}
    for run in runs:
        for name, value in run.metrics["environment"].items():
            if value not in ("", None):
                values.setdefault(name, {})[str(value)] = None
    return {name: ", ".join(of_runs) for name, of_runs in values.items()}


def _rows(results: Mapping[str, Any], keys: Sequence[str]) -> list[dict[str, Any]]:
    """Return one row per method, each followed by a row of published figures if a paper has any.

    Each cell says whether its value is the best or tied (`ties.mark`).
    """
    rows: list[dict[str, Any]] = []
    for label, row in results["methods"].items():
        marks = [ties.mark(results, key, label) for key in keys]
        cells = [{"text": cell_of(row, key), "mark": mark} for key, mark in zip(keys, marks, strict=True)]
        rows.append({"label": label, "n": runs_of(row), "cells": cells, "error": row.get("error", "")})
        if paper := results["paper"].get(label):
            there = [{"text": text, "mark": ""} for text in published_cells(paper, keys)]
            if any(shown_cell["text"] for shown_cell in there):
                rows.append({"label": label, "published": True, "n": "", "cells": there, "error": ""})
    return rows


def _settings(run: RunFolder) -> str:
    """Return the content of the run's config.yaml."""
    return run.settings.to_yaml(unread(run.settings))


def _differences(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the intervals and paired differences of each main figure, one row per method."""
    heads = ties.difference_heads(results)
    return [
        {"key": key, "heads": heads, "rows": ties.difference_rows(results, key)}
        for key in ties.shown_differences(results)
    ]


def _chart(folder: Path, features: Mapping[str, Any] | None) -> Chart | None:
    """Return a chart of curves.csv, or None if there is no such file. Raises GenclError if it is damaged."""
    path = folder / "curves.csv"
    if not path.is_file():
        return None
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [
                (row["method"], row["metric"], int(row["tasks_learned"]), float(row["mean"]), float(row["std"] or 0))
                for row in csv.DictReader(file)
            ]
        tasks = max((row[2] for row in rows), default=0)
        if not rows or not all(row[2] >= 1 for row in rows) or tasks > _MOST_TASKS:
            raise ValueError("it has no rows, or impossible ones")
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise GenclError(f"{path} cannot be read: {error}; gencl compare writes it again") from error
    lines = []
    for name in dict.fromkeys(row[0] for row in rows):
        values: list[float | None] = [None] * tasks
        spread: list[float | None] = [None] * tasks
        for _, _, task, mean, std in (row for row in rows if row[0] == name):
            values[task - 1], spread[task - 1] = mean, std
        level = tasks > 1 and all(value is None for value in values[:-1])
        lines.append(Line(name, values, spread, level=level))
    return chart_of(rows[0][1], lines, f", {over_tasks(rows[0][1], features)}", features)


def _kept(runs: Mapping[str, Sequence[RunFolder]], results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a heat map per metric: each method's final score on each task, as the mean over its seeds."""
    real, features = results["methods"].get(REAL, {}), results.get("features")
    ends: dict[str, dict[str, list[list[float | None]]]] = {}
    tasks: dict[int, list[str]] = {}
    for label, of_method in runs.items():
        for run in of_method:
            metrics = run.metrics
            expected = tasks.setdefault(metrics["seed"], metrics["tasks"])
            first = next(iter(tasks.values()))
            if metrics["tasks"] == expected and len(expected) == len(first):  # a variant may have other tasks
                for name, matrix in metrics["matrices"].items():
                    ends.setdefault(name, {}).setdefault(label, []).append(matrix[-1])
    named = list(tasks.values())
    columns = named[0] if named and all(names == named[0] for names in named) else _places(named)
    maps = []
    for name, rows in ends.items():
        means = [[_mean(values) for values in zip(*seeds, strict=True)] for seeds in rows.values()]
        scale = scale_of(name, [[value for row in means for value in row]], real.get(name, {}).get("mean"))
        about = {"name": name, "about": metric_about(name), "lower": lower_is_better(name), "scale": scale}
        pooled = is_pooled(name, features)
        tops = {"pooled": pooled, "tasks": up_to(columns) if pooled else columns}
        maps.append({**about, **tops, "methods": list(rows), "heat": heat(name, means, scale)})
    return maps


def _places(named: Sequence[Sequence[str]]) -> list[str]:
    """Return the column names for seeds with different tasks: ``task 1``, ``task 2``, ..."""
    return [f"task {i + 1}" for i in range(len(named[0]))] if named else []


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return statistics.fmean(defined) if defined else None


def _strips(runs: Mapping[str, Sequence[RunFolder]]) -> list[dict[str, Any]]:
    """Return the evolution strip of each method's first run. References such as joint training have none."""
    return [
        {"label": label, "src": strip}
        for label, of_method in runs.items()
        if of_method and ties.competes(label) and (strip := inline(of_method[0].path / "samples" / "evolution.png"))
    ]


def _command(results: Mapping[str, Any], runs: Mapping[str, Sequence[RunFolder]]) -> str:
    labels = [label for label in results["methods"] if label != REAL]
    label, of_method = next(((label, of_method) for label, of_method in runs.items() if of_method), ("", ()))
    overrides: Sequence[str] = ()
    with suppress(UsageError):
        overrides = parse_variants(label)[0].assignments if label else ()
    settings = of_method[0].settings if of_method else None
    return compare_command(labels, results["seeds"], results["preset"], settings, overrides, results.get("baseline"))
