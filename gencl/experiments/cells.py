"""Checks of a comparison's cells before training: their folders, settings, devices and data."""

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
"""The shape of an image: channels, height, width."""
Cell = tuple[Variant, int]
"""A variant and a seed: one run."""
FAILED = "failed"
"""The status of a row in results.json if at least one of its cells failed."""


def preset_of(variant: Variant, preset: str | None, config: str | Path | None, set: Sequence[str]) -> str:
    """Return the preset's name after all settings are applied, since ``set`` may change it.

    The variant's method is resolved too, because ``set`` may hold settings that only this method has.
    """
    return presets.resolve(preset, config, variant.method, None, [*set, *variant.assignments]).preset


def check_out(folder: Path, preset: str) -> None:
    """Raise UsageError unless a comparison on this preset can start or continue in ``folder``."""
    files.check_folder(folder)
    if not folder.exists() or (folder.is_dir() and files.is_empty(folder, besides=WORKING)):
        return
    try:
        stored = json.loads((folder / "results.json").read_text(encoding="utf-8"))["preset"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"--out {folder}: exists and holds no comparison; choose another --out") from None
    if stored != preset:
        raise UsageError(f"--out {folder}: holds a comparison on {stored}, not {preset}; choose another --out")


def with_those_held(folder: Path, variants: Sequence[Variant], seeds: Sequence[int]) -> tuple[list[Variant], list[int]]:
    """Return the variants and seeds of the table in ``folder``, with the given ones added.

    Raises GenclError if the table is damaged.
    """
    held, shown = _held(folder), {}
    for label, row in held.methods.items() if held else ():
        for variant in parse_variants(label) if label != REAL else ():
            if (folder / variant.folder).is_dir() or row.get("status") == FAILED:
                shown[variant.folder] = variant
    shown |= {variant.folder: variant for variant in variants}
    return list(shown.values()), list(dict.fromkeys([*(held.seeds if held else ()), *seeds]))


def held_failures(folder: Path, cells: Iterable[Cell]) -> dict[Cell, str]:
    """Return the errors that the table in ``folder`` records for those ``cells`` that are still unfinished."""
    held = _held(folder)
    rows = held.methods.items() if held else ()
    errors = {label: str(row["error"]) for label, row in rows if row.get("status") == FAILED}
    return {
        (variant, seed): errors[variant.label]
        for variant, seed in cells
        if variant.label in errors and not RunFolder(cell_folder(folder, variant, seed)).finished
    }


def _held(folder: Path) -> Results | None:
    """Return the comparison table in ``folder``, or None if there is none."""
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
    """Check the device, data and scenarios of all cells before anything is written.

    This also downloads the data and trains the classifiers for scoring, so that it happens only once.

    Args:
        cells: the settings of the cells to train, by their folders.
        held: the settings of all cells in the table, by their folders.

    Returns the device's type, and the image shape of each kind of cell (`kind_of`).

    Raises UsageError if a finished cell in ``held`` was trained on other images than the present ones.
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
    """Raise UsageError if a finished cell was trained on other images: a table compares runs on the same images."""
    present: dict[str, list[Fingerprint]] = {}
    for path, settings in cells.items():
        if (run := RunFolder(path)).finished:
            key = tasks_key(settings)
            present[key] = present.get(key) or fingerprints(make_scenario(settings, root).tasks)
            check_images(run, present[key])


def _check_features(cell: Settings, reader: nn.Module | None, seeds: int) -> None:
    """Raise UsageError if each of several seeds would be scored by a different classifier."""
    apart = isinstance(reader, TrainedReader) and cell.evaluate.split == "validation" and seed_draws_tasks(cell)
    if apart and seeds > 1:
        raise UsageError(
            "scenario.order: with seed each seed has validation images of its own, and so a reader trained without "
            "them; scores by different readers have no mean: --set scenario.order=given"
        )


def kind_of(cell: Settings) -> str:
    """Return a key that is equal for cells with the same data, scenario, evaluation and kind of learner."""
    return repr((cell.data, cell.scenario, cell.train.boundaries, cell.extend, cell.evaluate, cell.model["name"]))


def check_cell(folder: Path, settings: Settings) -> None:
    """Raise UsageError if the cell's folder holds a run with other settings or another version of a plug-in."""
    if (folder / "config.yaml").is_file():
        changed = differences(stored_settings(folder).placeless(), settings.placeless())
        if changed:
            raise UsageError(f"{folder} was made with other settings: {'; '.join(changed)}; choose another --out")
    run = RunFolder(folder)
    made_with = run.metrics["environment"].get("plugins", {}) if run.finished else {}
    for name, sha256 in checksums(settings.plugins).items():
        if made_with.get(name, sha256) != sha256:
            raise UsageError(f"{folder} was made before the plug-in {name} was changed; choose another --out")
