"""Hyper-parameters chosen on validation images, one budget a method; the search is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from gencl import files, presets
from gencl.errors import UsageError
from gencl.methods import METHODS
from gencl.metrics import METRICS
from gencl.registry import parts_of
from gencl.training.compare import compare
from gencl.training.progress import Mode, Reporter
from gencl.training.search import Experiment, Search, searches
from gencl.training.variants import Variant

SEED = 10
"""The default tuning seed: not among the usual 0-4, so that nothing is chosen on the runs that are reported."""
VALIDATION = 0.1
"""The share of the training images kept apart where the preset keeps none."""
_SCORES = {
    "acc": "accuracy",
    "fid_first_half": "fid",
    "fid": "fid",
    "conditional_accuracy": "conditional_accuracy",
    "reconstruction": "reconstruction",
}
"""The figures that candidates are compared by, the first that is there, and the metric each belongs to."""


def tune(
    methods: str | Sequence[str],
    grid: Sequence[str] = (),
    budget: int = 6,
    seeds: Sequence[int] = (SEED,),
    out: str | Path | None = None,
    preset: str | None = None,
    *,
    config: str | Path | None = None,
    set: Sequence[str] = (),
    jobs: int | None = None,
    data_root: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    progress: Mode = "auto",
) -> dict[str, Any]:
    """Chooses each method's settings on validation images and returns the content of ``OUT/tune.json``; `gencl tune`.

    The candidates are the product of the method's ``grid`` (`Method.grid`, changed by ``grid``), at most ``budget`` a
    method. They are trained as `gencl.training.compare.compare` does, so a search that was stopped goes on.

    Args:
        methods: names, no variants.
        grid: ``"lambda=0.1,1"`` for all methods with such a setting, ``"ewc.lambda=1,10"`` for one, or a setting of
            ``train`` or ``model``, ``"train.lr=0.01,0.1"``.
        out: where runs and results go; default ``runs/PRESET-tune``.

    Raises UsageError for wrong use.
    """
    names = _method_names(methods)
    sets, validation, added = _on_validation(preset, config, names[0], list(set))
    experiment = Experiment(preset, config, tuple(sets))
    wanted, skipped = searches(names, grid, experiment, budget)
    if added:
        _say(f"data.validation was 0: {validation:g} of the training images are kept apart to choose on", progress)
    for method in skipped:
        _say(f"{method}: nothing to tune, skipped (it has no grid; --grid {method}.KEY=V1,V2 gives one)", progress)
    folder = Path(out) if out else default_folder(preset, config, sets)
    variants = [variant for search in wanted for variant in search.variants()]
    _say(
        f"{len(variants)} candidates, at most {budget} a method, seed{'s' * (len(seeds) > 1)} "
        f"{', '.join(map(str, seeds))}, scored on validation images ({validation:g} of the training images)",
        progress,
    )
    results = compare(
        variants, seeds, folder, preset, config=config, set=sets, jobs=jobs, data_root=data_root, device=device,
        threads=threads, progress=progress,
    )  # fmt: skip
    found = _summary(results, wanted, list(seeds), budget, validation, skipped)
    files.write_json(folder / "tune.json", found)
    files.write(folder / "found.yaml", found_yaml(found))
    return found


def default_folder(preset: str | None, config: str | Path | None, assignments: Sequence[str]) -> Path:
    """``runs/PRESET-tune``."""
    return Path(f"runs/{presets.resolve(preset, config, assignments=assignments).preset}-tune")


def _method_names(methods: str | Sequence[str]) -> list[str]:
    names = [name.strip() for name in (methods.split(",") if isinstance(methods, str) else methods)]
    for name in names:
        if ":" in name or "=" in name:
            raise UsageError(f"--methods: {name!r} is a variant; tune takes plain names, and --grid says what is tried")
        for part in parts_of(name):
            METHODS.check(part)
    if len({*names}) < len(names):
        raise UsageError(f"--methods: {','.join(names)} names a method twice")
    return names


def _on_validation(
    preset: str | None, config: str | Path | None, method: str, sets: list[str]
) -> tuple[list[str], float, bool]:
    """The assignments with what makes runs score on validation images, the images' share, and whether it is ours."""
    if any(re.match(r"\s*evaluate\.split\s*=", text) for text in sets):
        raise UsageError("--set evaluate.split: tune always chooses on validation images; leave it out")
    share = presets.resolve(preset, config, method, None, sets).data.validation
    added = [] if share else [f"data.validation={VALIDATION}"]
    return [*sets, *added, "evaluate.split=validation"], share or VALIDATION, bool(added)


def _say(line: str, progress: Mode) -> None:
    Reporter(1, 0, "silent" if progress == "silent" else "lines").say(line)


def _summary(
    results: dict[str, Any],
    wanted: Sequence[Search],
    seeds: list[int],
    budget: int,
    validation: float,
    skipped: Sequence[str],
) -> dict[str, Any]:
    rows = results["methods"]
    metric = next((key for key in _SCORES if any(key in row for row in rows.values())), None)
    better = METRICS.get(_SCORES[metric]).better if metric else "higher"
    methods = {}
    for search in wanted:
        tried = [
            _tried(settings, variant, rows, metric)
            for settings, variant in zip(search.candidates, search.variants(), strict=True)
        ]
        methods[search.method] = _choice(search, tried, better)
    return {
        "schema": 1,
        "preset": results["preset"],
        "metric": metric,
        "better": better,
        "split": "validation",
        "validation": validation,
        "seeds": seeds,
        "budget": budget,
        "skipped": list(skipped),
        "methods": methods,
    }


def _tried(settings: dict[str, Any], variant: Variant, rows: dict[str, Any], metric: str | None) -> dict[str, Any]:
    """One candidate: a failed or diverged one has no score, whatever its other seeds gave."""
    row = rows.get(variant.label, {"status": "failed", "error": "it left no results"})
    figure = row.get(metric) if row["status"] == "done" else None
    found = {"settings": settings, "score": figure and figure["mean"], "std": figure and figure["std"]}
    return {**found, "status": row["status"], **({"error": row["error"]} if "error" in row else {})}


def _choice(search: Search, tried: list[dict[str, Any]], better: str) -> dict[str, Any]:
    scored = [row for row in tried if row["score"] is not None]
    best = (max if better == "higher" else min)(scored, key=lambda row: row["score"]) if scored else None
    return {
        "best": best and best["settings"],
        "score": best and best["score"],
        "edge": [key for key, values in search.grid.items() if best and _at_edge(best["settings"][key], values)],
        "grid": search.grid,
        "search": tried,
    }


def _at_edge(value: Any, values: Sequence[Any]) -> bool:
    """Whether a number is the least or greatest of several that were given."""
    numbers = [v for v in values if isinstance(v, int | float)]
    return len(numbers) == len(values) > 1 and value in (min(numbers), max(numbers))


def found_yaml(found: dict[str, Any]) -> str:
    """The ``methods:`` block for a preset, with the searched keys only."""
    blocks = {name: _nested(name, row["best"]) for name, row in found["methods"].items() if row["best"]}
    seeds = ", ".join(map(str, found["seeds"]))
    comment = (
        f"# chosen on validation images, seed {seeds}, by {found['metric']}, at most {found['budget']} candidates each"
    )
    text: str = yaml.safe_dump({"methods": blocks}, sort_keys=False, default_flow_style=None, width=1000)
    return f"{comment}\n{text}"


def _nested(method: str, best: dict[str, Any]) -> dict[str, Any]:
    """For composed methods ``{"mas.lambda": 3}`` becomes ``{"mas": {"lambda": 3}}``."""
    parts = parts_of(method)
    block: dict[str, Any] = {}
    for key, value in best.items():
        first, _, rest = key.partition(".")
        if len(parts) > 1 and first in parts:
            block.setdefault(first, {})[rest] = value
        else:
            block[key] = value
    return block
