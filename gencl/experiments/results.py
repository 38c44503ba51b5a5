"""Gather the cells of a comparison into results.json and results.csv, and draw its curves and samples."""

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
from gencl.experiments.networks import unlike
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
_COST_OF_SOME = ("cpu_seconds", "samples_forward", "samples_backward")
"""Costs that older runs, and those of some learners, do not have."""
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
    """Write ``results.json`` and ``results.csv`` from the finished cells, and return the content of the former.

    Args:
        failed: the error message of each failed cell.
        baseline: the label of the variant that the others are compared with, besides the best one. Default: plain
            training, if it is among the variants.
    """
    methods: dict[str, Any] = {}
    plain_ones = (variant for variant in variants if not variant.assignments)
    joint = next((variant for variant in plain_ones if is_reference(variant.method)), None)
    measured: dict[str, Any] = {}
    floors: dict[str, dict[int, RunFolder]] = {}  # label "" holds the plain cells, which share their tasks
    references = {} if joint is None else {seed: _Reference.of(cell_folder(folder, joint, seed)) for seed in seeds}
    plain: dict[str, Settings] = {}  # of cells without their own assignments, which have the same tasks
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
                    if not variant.assignments:
                        plain.setdefault(variant.label, run.settings)
                    if "floor" in run.metrics:
                        floors.setdefault(variant.label if variant.assignments else "", {})[seed] = run
            except GenclError as error:  # a finished cell whose files were damaged later
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
    as_published = not plain or comparable(next(iter(plain.values())))
    networks = unlike({label: settings.model for label, settings in plain.items()})
    results = {
        "schema": 1,
        "preset": preset,
        "seeds": seeds,
        "methods": methods,
        **({"baseline": baseline} if baseline else {}),
        "comparisons": comparisons(methods, baseline),
        **({"features": measured} if measured else {}),
        **({"networks": networks} if networks else {}),
        "paper": {
            variant.label: row
            for variant in variants
            if not variant.assignments and as_published and (row := published(preset, variant.method))
        },
    }
    files.write_json(folder / "results.json", results)
    files.write(folder / "results.csv", comparison_csv(results))
    return results


def cell_failed(results: Mapping[str, Any], label: str, seed: int) -> bool:
    """Return whether the cell of this label and seed failed: its row is marked so, and has no figure of this seed."""
    row, place = results["methods"][label], results["seeds"].index(seed)
    figures = (figure for figure in row.values() if isinstance(figure, dict))
    return row["status"] == "failed" and all(figure["values"][place] is None for figure in figures)


def _check_measure(run: RunFolder, measured: dict[str, Any]) -> None:
    """Raise GenclError if the run's features were measured differently from those of the first run.

    Scores are comparable only if the feature extractor, the number of images and the like are equal. ``measured``
    holds these values of the first run; it is filled if it is empty.
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
    """Return the scores of real images, one row per seed. If all seeds have the same tasks, there is a single row."""
    if not any(seed_draws_tasks(run.settings) for run in runs.values()):
        return [list(runs.values())[-1].metrics["floor"]]
    return [runs[seed].metrics["floor"] if seed in runs else {} for seed in seeds]


@dataclass(frozen=True)
class _Reference:
    """Joint training with one seed: its accuracy on each task, and its settings."""

    accuracy: list[float]
    settings: Settings

    @staticmethod
    def of(folder: Path) -> _Reference | None:
        """Read the run in ``folder``. Return None if it is unfinished, damaged, or not a classifier."""
        run = RunFolder(folder)
        with suppress(GenclError):
            if run.finished and "accuracy" in run.metrics["matrices"]:
                return _Reference(run.metrics["matrices"]["accuracy"][-1], run.settings)
        return None


def _figures(run: RunFolder, joint: _Reference | None) -> dict[str, float]:
    """Return the figures of one run that are averaged over seeds.

    Forward transfer is included only if joint training with the same seed and tasks is finished.
    """
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
    cost |= {key: value for key in _COST_OF_SOME if (value := metrics["cost"].get(key))}
    parameters = {key: metrics["parameters"][key] for key in _PARAMETERS}
    return {**metrics["summary"], **_per_class(metrics.get("classes", {})), **cost, **parameters}


def _per_class(classes: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return the mean over classes of each figure that every class has."""
    rows = list(classes.values())
    names = [name for name in (rows[0] if rows else ()) if all(name in row for row in rows)]
    return {f"{name}{BY_CLASS}": fmean(row[name] for row in rows) for name in names}


def _same_tasks(one: Settings, other: Settings) -> bool:
    """Return whether both runs have the same tasks and evaluate on the same split. A variant may change them."""
    return tasks_key(one) == tasks_key(other) and one.evaluate.split == other.evaluate.split


def _averages(rows: Sequence[Mapping[str, float]]) -> dict[str, dict[str, Any]]:
    """Return the statistics of each figure over the seeds (`of_seeds`). The row of a missing cell is empty."""
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: of_seeds([row.get(key) for row in rows]) for key in keys}


def draw_results(
    folder: Path, variants: Sequence[Variant], seeds: Sequence[int], preset: str, results: Mapping[str, Any]
) -> None:
    """Draw ``curves.png`` (its numbers go to ``curves.csv``) and ``samples.png``, each only if there is data for it.

    The samples show the classes of the first method that generates images, with the first seed. Methods that did not
    learn all of these classes are left out.
    """
    learners: dict[str, GenerativeLearner] = {}
    shown: dict[int, str] = {}
    by_metric: dict[str, dict[str, list[list[float | None]]]] = {}
    for variant in variants:
        for seed in seeds:
            run = RunFolder(cell_folder(folder, variant, seed))
            with suppress(GenclError):  # the cell may be damaged
                metrics = run.metrics if run.finished else {"matrices": {}}
                features = metrics.get("features")
                for name, matrix in metrics["matrices"].items():
                    values = so_far(matrix, is_pooled(name, features))
                    by_metric.setdefault(name, {}).setdefault(variant.label, []).append(values)
        run = RunFolder(cell_folder(folder, variant, seeds[0]))
        with suppress(GenclError):  # the cell may be unfinished, damaged or a classifier
            learner, names = run.generator(), run.class_names()
            shown = shown or {c: names[c] for c in sorted(learner.classes)}
            if {c: names[c] for c in learner.classes if c in shown} == shown:  # a variant may learn other classes
                learners[variant.label] = learner
    if learners:
        save_picture(method_grid(learners, shown, seeds[0]), folder / "samples.png")
    metric = next((name for name in main_figures() if name in by_metric), None)
    if metric is not None:
        curves = {label: Curve.over(runs) for label, runs in by_metric[metric].items()}
        if (real := results["methods"].get(REAL, {}).get(metric)) is not None:  # drawn level, like joint training
            tasks = max(len(curve.mean) for curve in curves.values())
            curves[REAL] = Curve.over([[*[None] * (tasks - 1), real["mean"]]])
        files.write(folder / "curves.csv", curves_csv(metric, curves))
        files.write(folder / "curves.png", draw_curves(metric, curves, preset, len(seeds), results.get("features")))
