"""Hyper-parameters chosen on validation images, one budget a method; the search is kept."""

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
from gencl.reports.tuning import WHY, how_chosen
from gencl.runs.folder import RunFolder
from gencl.runs.variants import Variant, cell_folder

SEEDS = (10, 11)
"""The default tuning seeds: not among the usual 0-4, so that nothing is chosen on the runs that are reported."""
BUDGET = 9
"""Candidates per method by default: three values of two settings."""
WIDEN = 3
"""How often a grid is widened by default."""
VALIDATION = 0.1
"""The share of the training images kept apart where the preset keeps none."""


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
    """Choose each method's settings on validation images and return the content of ``OUT/tune.json``; `gencl tune`.

    Each method's grid is the learning rate and its own settings (`Method.grid`), changed by ``grid``. At most
    ``budget`` of its points are trained: spread over the grid first, then around the best. Where the best value stands
    at an end of the grid, the grid is widened there (`gencl.experiments.widen`). Runs are trained as
    `gencl.experiments.compare.compare` does, so a search that was stopped goes on.

    Args:
        methods: names, no variants.
        grid: ``"lambda=0.1,1"`` for all methods with such a setting, ``"ewc.lambda=1,10"`` for one, or a setting of
            ``train`` or ``model``, ``"train.lr=0.01,0.1"``; or a list of such. A single value is not searched.
        budget: candidates per method, whatever the number of seeds; those beyond the grid's ends are not counted.
        seeds: as in `compare`.
        out: where runs and results go; default ``runs/PRESET-tune``.
        widen: the number of rounds in which a grid is widened, at most.
        dry_run: train nothing, and return how many runs there are and how long they take (`gencl.experiments.plan`).

    Raises UsageError for wrong use.
    """
    check_alone("tune")
    names, seeds, grid = _method_names(methods), several.numbers(seeds, "--seeds"), several.texts(grid)
    if not names or not seeds:
        raise UsageError("name at least one method and one seed")
    sets, validation, added = _on_validation(preset, config, names[0], together(set))
    wanted = searches(names, grid, Experiment(preset, config, tuple(sets)), budget, widen)
    folder = files.place(out) if out else default_folder(preset, config, names[0], sets)
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
    """Raises UsageError where the folder holds the search of another method, which would be lost."""
    try:
        held = list(json.loads((folder / "tune.json").read_text(encoding="utf-8"))["methods"])
    except (OSError, ValueError, KeyError, TypeError):
        return  # there is none
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
    """The first runs of a search, which take equally long, and those that may follow."""
    variants = search.variants()
    first = presets.resolve(preset, config, search.method, seeds[0], [*sets, *variants[0].assignments])
    cells = [cell_folder(folder, variant, seed) for variant in variants for seed in seeds]
    return Alike(first, sum(not RunFolder(cell).finished for cell in cells), search.at_most() * len(seeds))


def default_folder(preset: str | None, config: str | Path | None, method: str, assignments: Sequence[str]) -> Path:
    """``runs/PRESET-tune``."""
    return Path(f"runs/{preset_of(Variant(method, method), preset, config, assignments)}-tune")


def _method_names(methods: Names) -> list[str]:
    names = several.names(methods)
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
    """Return the ``methods:`` block for a preset, with the searched keys only, and how it was chosen."""
    blocks = {name: _nested(name, row["best"]) for name, row in summary["methods"].items() if row["best"]}
    lines = [how_chosen(summary)] if blocks else []
    for name, row in summary["methods"].items():
        if row["best"] is None:
            lines.append(f"{name}: nothing was chosen, every candidate failed: {' '.join(row['error'].split())}")
        for key, why in row["edge"].items():
            lines.append(f"{name}: {key} is at an end of its values ({WHY[why]})")
    text: str = yaml_files.dump({"methods": blocks}, default_flow_style=None, width=1000)
    return "".join(f"# {line}\n" for line in lines) + text


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
