"""The cells of a comparison before they are trained: where they go, and whether they can be."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from torch import nn

from gencl import presets
from gencl.core import documents, files
from gencl.core.errors import GenclError, UsageError
from gencl.core.progress import Mode
from gencl.core.settings import Settings
from gencl.core.waiting import say
from gencl.experiments.working import WORKING
from gencl.learners import LEARNERS
from gencl.learners.generative import GenerativeLearner
from gencl.metrics.extractors import make_extractor, make_reader
from gencl.metrics.trained_reader import TrainedReader
from gencl.runs.build import make_accelerator, make_scenario, seed_draws_tasks, tasks_key
from gencl.runs.documents import Results
from gencl.runs.folder import RunFolder
from gencl.runs.same_images import Fingerprint, check_images, fingerprints
from gencl.runs.variants import Variant, parse_variants
from gencl.training.folders import differences, stored_settings

Shape = tuple[int, int, int]
"""Of images: channels, height, width."""


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
    """Return the variants and the seeds of the table in ``folder``, these among them."""
    shown, held_seeds = {}, []
    with suppress(GenclError):  # there is none
        held, _ = documents.read(folder / "results.json", Results)
        for label in held.methods:
            for variant in parse_variants(label):
                if (folder / variant.folder).is_dir():
                    shown[variant.folder] = variant
        held_seeds = held.seeds
    shown |= {variant.folder: variant for variant in variants}
    return list(shown.values()), list(dict.fromkeys([*held_seeds, *seeds]))


def check_machine(
    cells: Mapping[Path, Settings], seeds: int, device: str, data_root: str | Path | None, progress: Mode
) -> tuple[str, dict[str, Shape]]:
    """Check devices, data and scenarios of cells, by their folders, before anything is written; data are fetched, and
    readers trained, once. Returns the device's type, and the shape of the images of each kind of cell.

    Raises UsageError where a finished cell is of other images than those present.
    """
    kind: str = make_accelerator(device).device.type
    root = None if data_root is None else Path(data_root)
    shapes = {}
    for key, cell in {kind_of(cell): cell for cell in cells.values()}.items():
        scenario = make_scenario(cell, root)
        for doubt in scenario.doubts:
            say(doubt, progress)
        if issubclass(LEARNERS.get(cell.model["name"]), GenerativeLearner):
            extractor = make_extractor(scenario, cell.evaluate, progress)
            _check_features(cell, make_reader(scenario, cell.evaluate, extractor, progress), seeds)
        shapes[key] = scenario.image_shape
    _check_finished(cells, root)
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
    """Raises UsageError where a cell's folder holds a run of other settings."""
    if (folder / "config.yaml").is_file():
        changed = differences(stored_settings(folder).placeless(), settings.placeless())
        if changed:
            raise UsageError(f"{folder} was made with other settings: {'; '.join(changed)}; choose another --out")
