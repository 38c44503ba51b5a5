"""Methods x seeds on one preset: a process per cell, resumable, one table."""

from __future__ import annotations

import json
import os
import re
import statistics
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gencl import files, presets
from gencl.errors import GenclError, Interrupted, UsageError
from gencl.metrics.transfer import forward_transfer
from gencl.paper import published
from gencl.reports.grids import method_grid, save_picture
from gencl.settings import Settings
from gencl.training.build import make_accelerator, make_scenario
from gencl.training.progress import Mode, Reporter
from gencl.training.run import Run
from gencl.training.train import differences, stored_settings
from gencl.training.workers import Workers

_SECONDS_AND_BYTES = ("train_seconds", "importance_seconds", "eval_seconds", "peak_memory_bytes")
_PARAMETERS = ("shared", "per_task", "total", "method_state_bytes")


@dataclass(frozen=True)
class Variant:
    """A method, perhaps with settings of its own; its label names its rows and folder."""

    label: str
    method: str
    assignments: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        return re.sub(r"[^A-Za-z0-9_.+=-]+", "_", self.label.replace(":", "_"))


def parse_variants(text: str) -> list[Variant]:
    """``"ewc,anpyc:method.lambda=3:method.prune=0"`` -> a plain ewc and a changed anpyc. Raises UsageError."""
    found = []
    for part in re.split(r",(?![^\[{]*[\]}])", text):
        name, *assignments = part.strip().split(":")
        if not name or not all("=" in assignment for assignment in assignments):
            raise UsageError(
                f"--methods: {part.strip()!r}: write NAME or NAME:KEY=VALUE, for example anpyc:method.lambda=3"
            )
        found.append(Variant(part.strip(), name, tuple(assignments)))
    return found


def _variants(methods: Sequence[str | Variant]) -> list[Variant]:
    """All variants, each of which has a folder of its own. Raises UsageError."""
    found: list[Variant] = []
    for item in methods:
        found += parse_variants(item) if isinstance(item, str) else [item]
    folders = [variant.folder for variant in found]
    twice = next((variant.label for variant in found if folders.count(variant.folder) > 1), None)
    if twice is not None:
        raise UsageError(f"--methods: {twice!r} is there twice")
    return found


def compare(
    methods: str | Sequence[str | Variant],
    seeds: Sequence[int] = (0,),
    out: str | Path = "runs/compare",
    preset: str | None = None,
    *,
    config: str | Path | None = None,
    set: Sequence[str] = (),
    jobs: int = 1,
    data_root: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    progress: Mode = "auto",
) -> dict[str, Any]:
    """Trains every method with every seed and returns the content of ``OUT/results.json``; as ``gencl compare``.

    Each cell is a process of its own in ``OUT/METHOD/seed-N``. Called again it goes on where it was: finished cells are
    kept, started ones resumed. A cell that fails is reported and the others go on.

    Args:
        methods: names or variants, as texts (`parse_variants`) or made.
        jobs: cells at a time; each gets its share of the cores unless ``threads`` says otherwise.

    Raises UsageError for wrong use, and where cells in ``OUT`` were made with other settings.
    """
    variants = _variants([methods] if isinstance(methods, str) else methods)
    folder = Path(out)
    cells: dict[tuple[Variant, int], Settings] = {}
    for variant in variants:
        for seed in seeds:
            settings = presets.resolve(preset, config, variant.method, seed, [*set, *variant.assignments])
            cells[variant, seed] = settings
            _check_cell(_cell_folder(folder, variant, seed), settings)
    name = next(iter(cells.values())).preset
    _check_out(folder, name)
    _check_machine(cells.values(), device, data_root)
    machine = ["--device", device, "--threads", str(threads or max(1, (os.cpu_count() or 1) // jobs))]
    if data_root is not None:
        machine += ["--data-root", str(data_root)]
    failed: dict[tuple[Variant, int], str] = {}
    lock = threading.Lock()

    def gather() -> dict[str, Any]:
        with lock:
            return write_results(folder, variants, list(seeds), name, failed)

    folder.mkdir(parents=True, exist_ok=True)
    gather()  # from the start the folder can be told for a comparison, and gone on with
    workers = Workers()
    with Reporter(len(cells), 0, progress) as reporter, workers.stopped_by_signals(), ThreadPoolExecutor(jobs) as pool:

        def run(cell: tuple[Variant, int]) -> None:
            if workers.stopped_by():
                return
            variant, seed = cell
            reporter.doing(f"{variant.label}, seed {seed}")
            error = _train_cell(_cell_folder(folder, variant, seed), cells[cell], machine, workers)
            if workers.stopped_by():
                return
            reporter.advance(1, {})
            reporter.say(f"{variant.label}, seed {seed}: {error or 'done'}")
            if error:
                with lock:
                    failed[cell] = error
            gather()

        list(pool.map(run, cells))
    if workers.stopped_by():
        raise Interrupted(f"stopped; the same command goes on where it was (cells in {folder})", workers.stopped_by())
    _draw(folder, variants, seeds[0])
    return gather()


def _draw(folder: Path, variants: Sequence[Variant], seed: int) -> None:
    """``samples.png``: what the generators of one seed draw, a row per method."""
    learners, names = {}, []
    for variant in variants:
        run = Run(_cell_folder(folder, variant, seed))
        with suppress(GenclError):  # a classifier, or a cell that is damaged or not finished
            learners[variant.label], names = run.generator(), run.class_names()
    if learners:
        save_picture(method_grid(learners, names, columns=2, seed=seed), folder / "samples.png")


def _cell_folder(folder: Path, variant: Variant, seed: int) -> Path:
    return folder / variant.folder / f"seed-{seed}"


def _check_out(folder: Path, preset: str) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        stored = json.loads((folder / "results.json").read_text(encoding="utf-8"))["preset"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"--out {folder}: exists and holds no comparison; choose another --out") from None
    if stored != preset:
        raise UsageError(f"--out {folder}: holds a comparison on {stored}, not {preset}; choose another --out")


def _check_machine(cells: Iterable[Settings], device: str, data_root: str | Path | None) -> None:
    """Wrong devices, data and scenarios are found before anything is written (and data are fetched once)."""
    make_accelerator(device)
    different = {repr((cell.data, cell.scenario)): cell for cell in cells}
    for cell in different.values():
        make_scenario(cell, None if data_root is None else Path(data_root))


def _check_cell(folder: Path, settings: Settings) -> None:
    if (folder / "config.yaml").is_file():
        found = differences(stored_settings(folder).tree(), settings.tree())
        if found:
            raise UsageError(f"{folder} was made with other settings: {'; '.join(found)}; choose another --out")


def _train_cell(folder: Path, settings: Settings, machine: Sequence[str], workers: Workers) -> str | None:
    """Trains one cell in a process of its own; returns what went wrong, if anything."""
    if Run(folder).finished:
        return None
    resume = (folder / "config.yaml").is_file()
    plan = folder.parent / f"{folder.name}.yaml"
    folder.parent.mkdir(parents=True, exist_ok=True)
    files.write(plan, settings.to_yaml())
    command = [sys.executable, "-m", "gencl", "train", "--config", str(plan), "--out", str(folder), "--json", *machine]
    status, errors = workers.run([*command, *(["--resume"] if resume else [])])
    plan.unlink(missing_ok=True)
    if status == 0:
        return None
    lines = errors.strip().splitlines()
    return lines[-1].removeprefix("gencl: ") if lines else f"exit status {status}"


def write_results(
    folder: Path, variants: Sequence[Variant], seeds: list[int], preset: str, failed: Mapping[tuple[Variant, int], str]
) -> dict[str, Any]:
    """Gathers the finished cells into ``results.json`` and returns its content."""
    methods: dict[str, Any] = {}
    joint = next((variant for variant in variants if variant.label == "joint"), None)
    references = {} if joint is None else {seed: Run(_cell_folder(folder, joint, seed)) for seed in seeds}
    for variant in variants:
        errors = [error for (failed_variant, _), error in failed.items() if failed_variant == variant]
        rows = []
        for seed in seeds:
            run = Run(_cell_folder(folder, variant, seed))
            try:
                rows += [_figures(run, references.get(seed))] if run.finished else []
            except GenclError as error:  # a finished cell that was damaged since
                errors.append(str(error))
        if rows:
            methods[variant.label] = {"status": "done", **_averages(rows)}
        if errors:
            methods[variant.label] = {**methods.get(variant.label, {}), "status": "failed", "error": errors[0]}
    results = {
        "schema": 1,
        "preset": preset,
        "seeds": seeds,
        "methods": methods,
        "paper": {
            variant.label: row
            for variant in variants
            if not variant.assignments and (row := published(preset, variant.method))
        },
    }
    files.write_json(folder / "results.json", results)
    return results


def _figures(run: Run, joint: Run | None) -> dict[str, float]:
    """What is averaged of one run; forward transfer only where joint training with the same seed is there."""
    metrics = run.metrics
    matrix = metrics["matrices"].get("accuracy")
    if matrix and joint is not None and joint.finished and metrics["method"] != "joint":
        fwt = forward_transfer(matrix, joint.metrics["matrices"]["accuracy"][-1])
        metrics["summary"].update({} if fwt is None else {"fwt": fwt})
    cost = {key: metrics["cost"][key] for key in _SECONDS_AND_BYTES}
    parameters = {key: metrics["parameters"][key] for key in _PARAMETERS}
    return {**metrics["summary"], **cost, **parameters}


def _averages(rows: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float | int | None]]:
    found: dict[str, dict[str, float | int | None]] = {}
    for key in rows[0]:
        values = [row[key] for row in rows if key in row]
        spread = statistics.stdev(values) if len(values) > 1 else None
        found[key] = {"mean": statistics.fmean(values), "std": spread, "n": len(values)}
    return found
