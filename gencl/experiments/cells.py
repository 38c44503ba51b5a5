"""The cells of a comparison before they are trained: where they go, and whether they can be."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from torch import nn

from gencl import presets
from gencl.core import documents, files
from gencl.core.errors import UsageError
from gencl.core.progress import Mode
from gencl.core.settings import Settings
from gencl.core.waiting import say
from gencl.experiments.working import WORKING
from gencl.learners import LEARNERS
from gencl.learners.generative import GenerativeLearner
from gencl.metrics.extractors import make_extractor, make_reader
from gencl.metrics.figures import REAL
from gencl.metrics.trained_reader import TrainedReader
from gencl.plugins.needed import checksums
from gencl.runs.build import make_accelerator, make_scenario, seed_draws_tasks, tasks_key
from gencl.runs.documents import Results
from gencl.runs.folder import RunFolder
from gencl.runs.same_images import Fingerprint, check_images, fingerprints
from gencl.runs.variants import Variant, cell_folder, parse_variants
from gencl.training.folders import differences, stored_settings

Shape = tuple[int, int, int]
"""Of images: channels, height, width."""
Cell = tuple[Variant, int]
"""A variant and a seed: one run."""
FAILED = "failed"
"""The status of a row of which a cell could not be trained."""


def preset_of(variant: Variant, preset: str | None, config: str | Path | None, set: Sequence[str]) -> str:
    """The experiment's name, which may be set too; ``set`` may name settings that only this method has."""
    return presets.resolve(preset, config, variant.method, None, [*set, *variant.assignments]).preset


def check_out(folder: Path, preset: str) -> None:
    """Raises UsageError unless a comparison on this preset can be written, or gone on with, there."""
    files.check_folder(folder)
    if not folder.exists() or (folder.is_dir() and all(path.name == WORKING for path in folder.iterdir())):
        return
    try:
        stored = json.loads((folder / "results.json").read_text(encoding="utf-8"))["preset"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"--out {folder}: exists and holds no comparison; choose another --out") from None
    if stored != preset:
        raise UsageError(f"--out {folder}: holds a comparison on {stored}, not {preset}; choose another --out")


def with_those_held(folder: Path, variants: Sequence[Variant], seeds: Sequence[int]) -> tuple[list[Variant], list[int]]:
    """Return the variants and the seeds of the table in ``folder``, these among them. Raises GenclError where the table
    is damaged."""
    held, shown = _held(folder), {}
    for label, row in held.methods.items() if held else ():
        for variant in parse_variants(label) if label != REAL else ():
            if (folder / variant.folder).is_dir() or row.get("status") == FAILED:
                shown[variant.folder] = variant
    shown |= {variant.folder: variant for variant in variants}
    return list(shown.values()), list(dict.fromkeys([*(held.seeds if held else ()), *seeds]))


def held_failures(folder: Path, cells: Iterable[Cell]) -> dict[Cell, str]:
    """Return what went wrong, by the table in ``folder``, with those of its cells that are still not finished."""
    held = _held(folder)
    rows = held.methods.items() if held else ()
    errors = {label: str(row["error"]) for label, row in rows if row.get("status") == FAILED}
    return {
        (variant, seed): errors[variant.label]
        for variant, seed in cells
        if variant.label in errors and not RunFolder(cell_folder(folder, variant, seed)).finished
    }


def _held(folder: Path) -> Results | None:
    """The table in a folder, if there is one."""
    path = folder / "results.json"
    return documents.read(path, Results)[0] if path.is_file() else None


def check_machine(
    cells: Mapping[Path, Settings],
    held: Mapping[Path, Settings],
    seeds: int,
    device: str,
    data_root: str | Path | None,
    progress: Mode,
) -> tuple[str, dict[str, Shape]]:
    """Check devices, data and scenarios of cells, by their folders, before anything is written; data are fetched, and
    readers trained, once. Returns the device's type, and the shape of the images of each kind of cell.

    Raises UsageError where a finished cell of all that are ``held`` in the table is of other images than those present.
    """
    kind: str = make_accelerator(device).device.type
    root = files.optional_place(data_root)
    shapes = {}
    for key, cell in {kind_of(cell): cell for cell in cells.values()}.items():
        scenario = make_scenario(cell, root)
        for doubt in scenario.doubts:
            say(doubt, progress)
        if issubclass(LEARNERS.get(cell.model["name"]), GenerativeLearner):
            extractor = make_extractor(scenario, cell.evaluate, progress)
            _check_features(cell, make_reader(scenario, cell.evaluate, extractor, progress), seeds)
        shapes[key] = scenario.image_shape
    _check_finished(held, root)
    return kind, shapes


def _check_finished(cells: Mapping[Path, Settings], root: Path | None) -> None:
    """One table is of one set of images."""
    present: dict[str, list[Fingerprint]] = {}
    for path, settings in cells.items():
        if (run := RunFolder(path)).finished:
            key = tasks_key(settings)
            present[key] = present.get(key) or fingerprints(make_scenario(settings, root).tasks)
            check_images(run, present[key])


def _check_features(cell: Settings, reader: nn.Module | None, seeds: int) -> None:
    """Raises UsageError where each seed would be scored in features of its own."""
    apart = isinstance(reader, TrainedReader) and cell.evaluate.split == "validation" and seed_draws_tasks(cell)
    if apart and seeds > 1:
        raise UsageError(
            "scenario.order: with seed each seed has validation images of its own, and so a reader trained without "
            "them; scores by different readers have no mean: --set scenario.order=given"
        )


def kind_of(cell: Settings) -> str:
    """What cells on the same tasks and images share."""
    return repr((cell.data, cell.scenario, cell.train.boundaries, cell.extend, cell.evaluate, cell.model["name"]))


def check_cell(folder: Path, settings: Settings) -> None:
    """Raises UsageError where a cell's folder holds a run of other settings, or of another version of a plug-in."""
    if (folder / "config.yaml").is_file():
        changed = differences(stored_settings(folder).placeless(), settings.placeless())
        if changed:
            raise UsageError(f"{folder} was made with other settings: {'; '.join(changed)}; choose another --out")
    run = RunFolder(folder)
    made_with = run.metrics["environment"].get("plugins", {}) if run.finished else {}
    for name, sha256 in checksums(settings.plugins).items():
        if made_with.get(name, sha256) != sha256:
            raise UsageError(f"{folder} was made before the plug-in {name} was changed; choose another --out")
