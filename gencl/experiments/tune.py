"""`gencl tune`: choose hyper-parameters on validation images, with the same budget for each method."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gencl import presets
from gencl.core import files, several, yaml_files
from gencl.core.arguments import Positive, checked
from gencl.core.assignments import Assignments, together
from gencl.core.brackets import divided
from gencl.core.errors import UsageError
from gencl.core.launcher import check_alone
from gencl.core.progress import Mode
from gencl.core.registry import parts_of
from gencl.core.several import Names, Numbers
from gencl.core.waiting import say
from gencl.experiments.cells import check_out, preset_of
from gencl.experiments.choice import better_of, choice, metric_of
from gencl.experiments.compare import compare
from gencl.experiments.plan import Alike, plan
from gencl.experiments.rounds import train_rounds
from gencl.experiments.search import Experiment, Search, searches
from gencl.experiments.working import working_in
from gencl.methods import METHODS
from gencl.reports.tuning import how_chosen, why_at_end
from gencl.runs.folder import RunFolder
from gencl.runs.variants import Variant, cell_folder

SEEDS = (10, 11)
"""The default seeds for tuning. They differ from the usual 0-4, so that no reported run takes part in the choice."""
BUDGET = 9
"""The default number of candidates per method: enough for three values of two settings."""
WIDEN = 3
"""The default number of rounds in which a grid may be widened."""
VALIDATION = 0.1
"""The share of the training images held out for validation if the preset holds out none."""


@checked
def tune(
    methods: Names,
    grid: Names = (),
    budget: int = BUDGET,
    seeds: Numbers = SEEDS,
    out: str | Path | None = None,
    preset: str | None = None,
    *,
    widen: int = WIDEN,
    config: str | Path | None = None,
    set: Assignments = (),
    jobs: Positive | None = None,
    data_root: str | Path | None = None,
    device: str = "auto",
    threads: Positive | None = None,
    progress: Mode = "auto",
    dry_run: bool = False,
) -> dict[str, Any]:
    """Choose each method's settings on validation images, and return the content of ``OUT/tune.json``.

    Each method's grid holds the learning rate and the method's settings (`Method.grid`), changed by ``grid``. At most
    ``budget`` of its points are trained: first spread over the grid, then around the best one. If the best value lies
    at an end of the grid, the grid is widened there (`gencl.experiments.widen`). Runs are trained by
    `gencl.experiments.compare.compare`, so a search that was stopped can continue. The chosen settings also go to
    ``OUT/found.yaml``, as a block for a preset.

    Args:
        methods: names, not variants.
        grid: one text or a list of texts: ``"lambda=0.1,1"`` for all methods with that setting, ``"ewc.lambda=1,10"``
            for one method, or a setting of ``train`` or ``model``, ``"train.lr=0.01,0.1"``. A single value fixes the
            setting.
        budget: candidates per method, whatever the number of seeds. Candidates from widening are not counted.
        seeds: as in `compare`.
        out: the folder for runs and results; default ``runs/PRESET-tune``.
        widen: the largest number of rounds in which a grid is widened.
        dry_run: train nothing; return the number of runs and their expected time (`gencl.experiments.plan`).

    Raises UsageError for wrong use.
    """
    check_alone("tune")
    names, seeds, grid = _method_names(methods), several.numbers(seeds, "--seeds"), several.texts(grid)
    if not names or not seeds:
        raise UsageError("name at least one method and one seed")
    sets, validation, added = _on_validation(preset, config, names[0], together(set))
    wanted = searches(names, grid, Experiment(preset, config, tuple(sets)), budget, widen)
    folder = files.place(out) if out else default_folder(preset, config, names, sets)
    check_out(folder, preset_of(Variant(names[0], names[0]), preset, config, sets))
    _check_held(folder, names)
    tell = partial(say, progress=progress)
    if added:
        tell(f"data.validation was 0: {validation:g} of the training images are kept apart to choose on")
    tell(
        f"at most {budget} candidates per method, seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}, "
        f"scored on validation images ({validation:g} of the training images)"
    )

    if dry_run:
        groups = {search.method: _planned(search, seeds, folder, preset, config, sets) for search in wanted}
        return plan(groups, folder, jobs or 1, data_root, device, threads, progress)

    def train(variants: Sequence[Variant], counted: tuple[int, int]) -> dict[str, Any]:
        return compare(
            variants, seeds, folder, preset, config=config, set=sets, jobs=jobs, data_root=data_root, device=device,
            threads=threads, progress=progress, counted=counted,
        )  # fmt: skip

    with working_in(folder):
        results = train_rounds(wanted, seeds, folder, train, tell)
        summary = _summary(results, wanted, list(seeds), budget, widen, validation)
        files.write_json(folder / "tune.json", summary)
        files.write(folder / "found.yaml", methods_block(summary))
        return summary


def _check_held(folder: Path, methods: Sequence[str]) -> None:
    """Raise UsageError if the folder holds the search of a method that is not in ``methods``: it would be lost."""
    try:
        held = list(json.loads((folder / "tune.json").read_text(encoding="utf-8"))["methods"])
    except (OSError, ValueError, KeyError, TypeError):
        return  # the folder holds no search
    if any(name not in methods for name in held):
        every = ",".join(dict.fromkeys([*held, *methods]))
        raise UsageError(
            f"--out {folder}: holds a search of {','.join(held)}; choose another --out, or search these as well: "
            f"--methods {every}"
        )


def _planned(
    search: Search,
    seeds: Sequence[int],
    folder: Path,
    preset: str | None,
    config: str | Path | None,
    sets: Sequence[str],
) -> Alike:
    """Return the number of unfinished first runs of a search, and of runs that may follow, for a dry run."""
    variants = search.variants()
    first = presets.resolve(preset, config, search.method, seeds[0], [*sets, *variants[0].assignments])
    cells = [cell_folder(folder, variant, seed) for variant in variants for seed in seeds]
    return Alike(first, sum(not RunFolder(cell).finished for cell in cells), search.at_most() * len(seeds))


def default_folder(preset: str | None, config: str | Path | None, methods: Names, assignments: Sequence[str]) -> Path:
    """Return ``runs/PRESET-tune``, with the preset's name after all settings are applied.

    Raises UsageError for wrong names of methods.
    """
    method = _method_names(methods)[0]
    return Path(f"runs/{preset_of(Variant(method, method), preset, config, assignments)}-tune")


def _method_names(methods: Names) -> list[str]:
    names = [name.strip() for text in several.texts(methods) for name in divided(text, ",")]
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
    """Add the assignments that make runs score on validation images.

    Returns all assignments, the share of validation images, and whether that share is `VALIDATION` because the
    experiment sets none. Raises UsageError if ``sets`` assigns evaluate.split.
    """
    if any(text.startswith("evaluate.split=") for text in sets):
        raise UsageError("--set evaluate.split: tune always chooses on validation images; leave it out")
    share = presets.resolve(preset, config, method, None, sets).data.validation
    added = [] if share else [f"data.validation={VALIDATION}"]
    return [*sets, *added, "evaluate.split=validation"], share or VALIDATION, bool(added)


def _summary(
    results: dict[str, Any], wanted: Sequence[Search], seeds: list[int], budget: int, widen: int, validation: float
) -> dict[str, Any]:
    rows = results["methods"]
    metric = metric_of(rows)
    return {
        "schema": 1,
        "preset": results["preset"],
        "metric": metric,
        "better": better_of(metric),
        **({"features": results["features"]} if "features" in results else {}),
        "split": "validation",
        "validation": validation,
        "seeds": seeds,
        "budget": budget,
        "widen": widen,
        "methods": {search.method: choice(search, rows) for search in wanted},
    }


def methods_block(summary: dict[str, Any]) -> str:
    """Return the ``methods:`` block for a preset, as YAML, with the chosen values of the searched keys.

    Comments above it say how they were chosen, which methods have no choice, and which values are at an end.
    """
    blocks = {name: _nested(name, row["best"]) for name, row in summary["methods"].items() if row["best"]}
    lines = [how_chosen(summary)] if blocks else []
    for name, row in summary["methods"].items():
        if row["best"] is None:
            lines.append(f"{name}: nothing was chosen, every candidate failed: {' '.join(row['error'].split())}")
        for key, why in row["edge"].items():
            lines.append(f"{name}: {key} is at an end of its values ({why_at_end(why, summary['widen'])})")
    text: str = yaml_files.dump({"methods": blocks}, default_flow_style=None, width=1000)
    return "".join(f"# {line}\n" for line in lines) + text


def _nested(method: str, best: dict[str, Any]) -> dict[str, Any]:
    """Nest the keys of composed methods: ``{"mas.lambda": 3}`` becomes ``{"mas": {"lambda": 3}}``."""
    parts = parts_of(method)
    block: dict[str, Any] = {}
    for key, value in best.items():
        first, _, rest = key.partition(".")
        if len(parts) > 1 and first in parts:
            block.setdefault(first, {})[rest] = value
        else:
            block[key] = value
    return block
