"""What the cells of a comparison come to: results.json, results.csv, curves and samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from gencl.core import files
from gencl.core.errors import GenclError
from gencl.core.settings import Settings
from gencl.drawing.curves import Curve, curves_csv, draw_curves, so_far
from gencl.drawing.grids import method_grid, save_picture
from gencl.learners.generative import GenerativeLearner
from gencl.methods.serving import default_baseline, is_reference
from gencl.metrics.figures import BY_CLASS, REAL, is_pooled, main_figures
from gencl.metrics.transfer import forward_transfer
from gencl.presets.papers import comparable, published
from gencl.reports.comparison_tables import comparison_csv
from gencl.reports.significance import of_seeds
from gencl.reports.ties import comparisons
from gencl.runs.build import seed_draws_tasks, tasks_key
from gencl.runs.folder import RunFolder
from gencl.runs.variants import Variant, cell_folder

_COST = ("train_seconds", "importance_seconds", "eval_seconds", "peak_memory_bytes")
_PASSES = ("samples_forward", "samples_backward")
_PARAMETERS = ("shared", "per_task", "total", "method_state_bytes")
_MEASURE = ("name", "version", "published", "resize", "classes", "also", "n", "reference", "pooled", "pool")


def write_results(
    folder: Path,
    variants: Sequence[Variant],
    seeds: list[int],
    preset: str,
    failed: Mapping[tuple[Variant, int], str],
    baseline: str | None = None,
) -> dict[str, Any]:
    """Gathers the finished cells into ``results.json`` and ``results.csv`` and returns the former's content.

    ``baseline`` is the label of the variant to which the others are compared, besides the best; by default plain
    training, if it is among them.
    """
    methods: dict[str, Any] = {}
    plain_ones = (variant for variant in variants if not variant.assignments)
    joint = next((variant for variant in plain_ones if is_reference(variant.method)), None)
    measured: dict[str, Any] = {}
    floors: dict[str, dict[int, RunFolder]] = {}  # those of plain cells, on the same tasks, are under no label
    references = {} if joint is None else {seed: _Reference.of(cell_folder(folder, joint, seed)) for seed in seeds}
    plain: Settings | None = None  # of a cell without assignments of its own: all of these are on the same tasks
    for variant in variants:
        errors = [error for (failed_variant, _), error in failed.items() if failed_variant == variant]
        rows: list[dict[str, float]] = []
        for seed in seeds:
            run = RunFolder(cell_folder(folder, variant, seed))
            rows.append({})
            try:
                if run.finished:
                    _check_measure(run, measured)
                    rows[-1] = _figures(run, references.get(seed))
                    plain = plain if plain or variant.assignments else run.settings
                    if "floor" in run.metrics:
                        floors.setdefault(variant.label if variant.assignments else "", {})[seed] = run
            except GenclError as error:  # a finished cell that was damaged since
                errors.append(str(error))
        if any(rows):
            methods[variant.label] = {"status": "done", **_averages(rows)}
        if errors:
            methods[variant.label] = {**methods.get(variant.label, {}), "status": "failed", "error": errors[0]}
    if measured and floors:
        rows = _floors(floors.get("") or next(iter(floors.values())), seeds)
        measured["floor_n"] = min(int(row.pop("n")) for row in rows if row)
        methods[REAL] = {"status": "done", **_averages(rows)}
    baseline = baseline or default_baseline(list(methods))
    as_published = plain is None or comparable(plain)
    results = {
        "schema": 1,
        "preset": preset,
        "seeds": seeds,
        "methods": methods,
        **({"baseline": baseline} if baseline else {}),
        "comparisons": comparisons(methods, baseline),
        **({"features": measured} if measured else {}),
        "paper": {
            variant.label: row
            for variant in variants
            if not variant.assignments and as_published and (row := published(preset, variant.method))
        },
    }
    files.write_json(folder / "results.json", results)
    files.write(folder / "results.csv", comparison_csv(results))
    return results


def _check_measure(run: RunFolder, measured: dict[str, Any]) -> None:
    """Scores in features compare only where all they depend on is equal: ``measured`` is that of the first run.

    Raises GenclError where this run's is another.
    """
    features = run.metrics.get("features", {})
    features = {key: features[key] for key in _MEASURE if key in features}
    if features and not measured:
        measured.update(features)
    differing = [key for key in _MEASURE if features and features.get(key) != measured.get(key)]
    if differing:
        raise GenclError(
            f"{run.path} was measured otherwise than the others, so that its scores cannot be compared with theirs: "
            + "; ".join(f"{key} {features.get(key)}, not {measured.get(key)}" for key in differing)
        )


def _floors(runs: Mapping[int, RunFolder], seeds: Sequence[int]) -> list[dict[str, float]]:
    """What real images score on each seed's tasks, as methods have a row a seed; one for all where the seed draws no
    tasks."""
    if not any(seed_draws_tasks(run.settings) for run in runs.values()):
        return [list(runs.values())[-1].metrics["floor"]]
    return [runs[seed].metrics["floor"] if seed in runs else {} for seed in seeds]


@dataclass(frozen=True)
class _Reference:
    """Joint training with one seed: its accuracy on each task, and on what."""

    accuracy: list[float]
    settings: Settings

    @staticmethod
    def of(folder: Path) -> _Reference | None:
        """None where it is not finished, damaged, or no classifier."""
        run = RunFolder(folder)
        with suppress(GenclError):
            if run.finished and "accuracy" in run.metrics["matrices"]:
                return _Reference(run.metrics["matrices"]["accuracy"][-1], run.settings)
        return None


def _figures(run: RunFolder, joint: _Reference | None) -> dict[str, float]:
    """What is averaged of one run; forward transfer only where joint training with the same seed and tasks is there."""
    metrics = run.metrics
    matrix = metrics["matrices"].get("accuracy")
    if (
        matrix
        and joint is not None
        and not is_reference(metrics["method"])
        and _same_tasks(run.settings, joint.settings)
    ):
        fwt = forward_transfer(matrix, joint.accuracy)
        metrics["summary"].update({} if fwt is None else {"fwt": fwt})
    cost = {key: metrics["cost"][key] for key in _COST}
    cost |= {key: passes for key in _PASSES if (passes := metrics["cost"].get(key))}  # of learners that count
    parameters = {key: metrics["parameters"][key] for key in _PARAMETERS}
    return {**metrics["summary"], **_per_class(metrics.get("classes", {})), **cost, **parameters}


def _per_class(classes: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Means over the classes of what was measured on each of them."""
    rows = list(classes.values())
    names = [name for name in (rows[0] if rows else ()) if all(name in row for row in rows)]
    return {f"{name}{BY_CLASS}": fmean(row[name] for row in rows) for name in names}


def _same_tasks(one: Settings, other: Settings) -> bool:
    """Whether both learned the same tasks and were measured on the same images (a variant may change them)."""
    return tasks_key(one) == tasks_key(other) and one.evaluate.split == other.evaluate.split


def _averages(rows: Sequence[Mapping[str, float]]) -> dict[str, dict[str, Any]]:
    """Each figure over the seeds; a row is empty where a cell is missing."""
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: of_seeds([row.get(key) for row in rows]) for key in keys}


def draw_results(
    folder: Path, variants: Sequence[Variant], seeds: Sequence[int], preset: str, results: Mapping[str, Any]
) -> None:
    """``curves.png`` with its numbers ``curves.csv``, and ``samples.png``, where there is something to show.

    The samples are of the classes of the first method that draws, of each method that knows these.
    """
    learners: dict[str, GenerativeLearner] = {}
    shown: dict[int, str] = {}
    by_metric: dict[str, dict[str, list[list[float | None]]]] = {}
    for variant in variants:
        for seed in seeds:
            run = RunFolder(cell_folder(folder, variant, seed))
            with suppress(GenclError):  # a cell that is damaged or not finished
                metrics = run.metrics if run.finished else {"matrices": {}}
                features = metrics.get("features")
                for name, matrix in metrics["matrices"].items():
                    values = so_far(matrix, is_pooled(name, features))
                    by_metric.setdefault(name, {}).setdefault(variant.label, []).append(values)
        run = RunFolder(cell_folder(folder, variant, seeds[0]))
        with suppress(GenclError):  # or a classifier
            learner, names = run.generator(), run.class_names()
            shown = shown or {c: names[c] for c in sorted(learner.classes)}
            if {c: names[c] for c in learner.classes if c in shown} == shown:  # a variant may learn other classes
                learners[variant.label] = learner
    if learners:
        save_picture(method_grid(learners, shown, seeds[0]), folder / "samples.png")
    metric = next((name for name in main_figures() if name in by_metric), None)
    if metric is not None:
        curves = {label: Curve.over(runs) for label, runs in by_metric[metric].items()}
        if (real := results["methods"].get(REAL, {}).get(metric)) is not None:  # a level line, as joint training
            tasks = max(len(curve.mean) for curve in curves.values())
            curves[REAL] = Curve.over([[*[None] * (tasks - 1), real["mean"]]])
        files.write(folder / "curves.csv", curves_csv(metric, curves))
        files.write(folder / "curves.png", draw_curves(metric, curves, preset, len(seeds), results.get("features")))
