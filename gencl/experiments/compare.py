"""`gencl compare`: train several methods with several seeds on one preset, and gather one table of results."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

from gencl import presets
from gencl.core import files, several
from gencl.core.arguments import Positive, checked
from gencl.core.assignments import Assignments, together
from gencl.core.errors import GenclError, Interrupted, UsageError
from gencl.core.launcher import check_alone
from gencl.core.progress import Mode, Reporter
from gencl.core.settings import Settings
from gencl.core.several import Names, Numbers
from gencl.core.threads import most_threads
from gencl.experiments.cells import (
    Cell,
    Shape,
    check_cell,
    check_machine,
    check_out,
    held_failures,
    kind_of,
    preset_of,
    with_those_held,
)
from gencl.experiments.jobs import Jobs, check_executor, parse_options
from gencl.experiments.plan import Alike, plan
from gencl.experiments.results import draw_results, write_results
from gencl.experiments.train_seeds import apart
from gencl.experiments.workers import Workers
from gencl.experiments.working import working_in
from gencl.plugins import arguments
from gencl.reports.notebook import Shown, comparison_html
from gencl.runs.build import unread
from gencl.runs.folder import RunFolder
from gencl.runs.variants import Variant, cell_folder, distinct_variants


@checked
def compare(
    methods: str | Sequence[str | Variant],
    seeds: Numbers = 0,
    out: str | Path | None = None,
    preset: str | None = None,
    *,
    config: str | Path | None = None,
    set: Assignments = (),
    jobs: Positive | None = None,
    ensemble: bool = False,
    executor: str | None = None,
    slurm: Names = (),
    data_root: str | Path | None = None,
    device: str = "auto",
    threads: Positive | None = None,
    baseline: str | None = None,
    progress: Mode = "auto",
    counted: tuple[int, int] = (0, 0),
    dry_run: bool = False,
) -> dict[str, Any]:
    """Train every method with every seed and return the content of ``OUT/results.json``, as ``gencl compare`` does.

    Each cell (a method with a seed) trains in its own process and in ``OUT/METHOD/seed-N``. Calling it again continues:
    finished cells are kept and started ones are resumed. If a cell fails, the error is reported and the others go on.
    Methods and seeds that are already in ``OUT`` stay in its table.

    Args:
        methods: names or variants, as text (`gencl.runs.variants.parse_variants`) or as `Variant` objects.
        seeds: a number, several numbers, or a text such as ``"0-4"``.
        out: the folder for cells and results; default ``runs/PRESET-compare``.
        jobs: how many cells train at a time (default 1). The cores are divided among them.
        threads: threads per cell; by default `gencl.train` chooses, within the cell's share of the cores.
        baseline: the label of the method that the others are paired with, seed by seed, besides the best one. Default:
            plain training (`gencl.methods.serving.default_baseline`), if it is among the methods.
        ensemble: train a method's fresh seeds as one (`gencl.experiments.ensemble`), if its learner and method allow.
        executor: ``slurm``, or ``local`` to try it out. Each cell becomes a job, through submitit, and at most ``jobs``
            of them run at a time (default all). All nodes must see ``OUT``.
        slurm: one or several options of sbatch, such as ``["partition=gpu", "time=2:00:00"]``.
        counted: cells done before and cells that may follow; the progress bar includes both.
        dry_run: train nothing; return the number of runs and their expected time (`gencl.experiments.plan`).

    Raises UsageError for wrong use, or if cells in ``OUT`` were made with other settings; Interrupted if a signal asks
    to stop.
    """
    check_alone("compare")
    variants = distinct_variants([methods] if isinstance(methods, str) else methods)
    seeds = several.numbers(seeds, "--seeds")
    if not variants or not seeds:
        raise UsageError("name at least one method and one seed")
    sets = together(set)
    name = preset_of(variants[0], preset, config, sets)
    folder = files.place(out or f"runs/{name}-compare")
    check_out(folder, name)
    shown, shown_seeds = with_those_held(folder, variants, seeds)
    if baseline is not None and baseline not in (labels := [variant.label for variant in shown]):
        raise UsageError(f"--baseline {baseline}: not among the methods compared: {', '.join(labels)}")

    def settings_of(variant: Variant, seed: int) -> Settings:
        settings = presets.resolve(preset, config, variant.method, seed, [*sets, *variant.assignments])
        check_cell(cell_folder(folder, variant, seed), settings)
        return settings

    held = {cell: settings_of(*cell) for cell in product(shown, shown_seeds)}
    cells = {cell: held[cell] for cell in product(shown, shown_seeds) if cell[0] in variants and cell[1] in seeds}
    workers: Workers | Jobs
    options = parse_options(several.texts(slurm))
    check_executor(executor, options)
    if ensemble and executor is not None:
        raise UsageError("--ensemble: seeds are trained as one in one process here; leave out --executor")
    folders, of_table = ({cell_folder(folder, *cell): some[cell] for cell in some} for some in (cells, held))
    # jobs may run on machines with other devices, so for them only the CPU is checked here
    here = device if executor is None else "cpu"
    kind, shapes = check_machine(folders, of_table, len(seeds), here, data_root, progress)
    jobs = jobs or (1 if executor is None else len(cells))
    if dry_run:
        return plan(_planned(cells, folder), folder, jobs, data_root, device, threads, progress)
    if executor is None:
        workers = Workers(kind, max(1, most_threads() // jobs))
    else:
        folder = folder.resolve()
        workers = Jobs(executor, folder / "jobs", options)
    machine = ["--device", device, *([] if threads is None else ["--threads", str(threads)]), *arguments()]
    if data_root is not None:
        machine += ["--data-root", str(data_root)]
    failed: dict[Cell, str] = {}
    lock = threading.Lock()

    def gather() -> dict[str, Any]:
        with lock:
            return write_results(folder, shown, shown_seeds, name, failed, baseline)

    with working_in(folder):
        shown, shown_seeds = with_those_held(folder, variants, seeds)  # another comparison may have added to the table
        for cell in product(shown, shown_seeds):
            if cell not in held:
                settings_of(*cell)
        failed |= held_failures(folder, product(shown, shown_seeds))
        gather()  # results.json marks the folder as a comparison, so that it can be continued
        before, after = counted
        bar = Reporter(before + len(cells) + after, before, progress)
        with bar as reporter, workers.working(), ThreadPoolExecutor(jobs) as pool:

            def run(group: list[Cell]) -> None:
                if workers.stopped_by():
                    return
                variant, seed = group[0]
                of_group, settings = [seed for _, seed in group], cells[group[0]]
                what = f"{variant.label}, seed{'s' * (len(group) > 1)} {', '.join(map(str, of_group))}"
                reporter.doing(what)
                if len(group) > 1:
                    error = _train_together(folder / variant.folder, of_group, settings, *worker)
                else:
                    error = _train_cell(cell_folder(folder, variant, seed), settings, *worker)
                if workers.stopped_by():
                    return
                reporter.advance(len(group), {})
                reporter.say(f"{what}: {error or 'done'}")
                with lock:
                    for cell in group:
                        failed.pop(cell, None)
                    if error:
                        failed.update(dict.fromkeys(group, error))
                gather()

            worker = machine, workers
            groups = [[cell] for cell in cells]
            if ensemble:
                groups = _groups(cells, folder, shapes, reporter)
            list(pool.map(run, groups))
        if number := workers.stopped_by():
            raise Interrupted(f"stopped; the same command goes on where it was (cells in {folder})", number)
        results = gather()
        draw_results(folder, shown, shown_seeds, name, results)
        return Shown(results, comparison_html)


def _planned(cells: Mapping[Cell, Settings], folder: Path) -> dict[str, Alike]:
    """Return the settings and the number of unfinished cells per variant, by label, for a dry run."""
    left = [cell for cell in cells if not RunFolder(cell_folder(folder, *cell)).finished]
    return {
        variant.label: Alike(settings, sum(cell[0] == variant for cell in left))
        for (variant, _), settings in cells.items()
        if any(cell[0] == variant for cell in left)
    }


def _groups(
    cells: Mapping[Cell, Settings], folder: Path, shapes: Mapping[str, Shape], reporter: Reporter
) -> list[list[Cell]]:
    """Divide the cells into groups: a variant's fresh cells together if they can be trained as one, others alone."""
    groups: list[list[Cell]] = []
    for variant in dict.fromkeys(variant for variant, _ in cells):
        of_variant = [cell for cell in cells if cell[0] == variant]
        fresh = [cell for cell in of_variant if not (cell_folder(folder, *cell) / "config.yaml").is_file()]
        try:
            why = apart(cells[fresh[0]], shapes[kind_of(cells[fresh[0]])]) if len(fresh) > 1 else ""
        except GenclError as error:  # each cell fails alone
            why = str(error)
        if why:
            reporter.say(f"{variant.label}: one seed at a time, since {why}")
            fresh = []
        groups += [fresh] if len(fresh) > 1 else []
        groups += [[cell] for cell in of_variant if len(fresh) < 2 or cell not in fresh]
    return groups


def _train_cell(folder: Path, settings: Settings, machine: Sequence[str], workers: Workers | Jobs) -> str | None:
    """Train one cell in its own process. Return an error message, or None if it succeeded."""
    if RunFolder(folder).finished:
        return None
    resume = ["--resume"] if (folder / "config.yaml").is_file() else []
    return _train(
        "train", folder.parent / f"{folder.name}.yaml", settings, ["--out", str(folder), *resume, *machine], workers
    )


def _train_together(
    folder: Path, seeds: Sequence[int], settings: Settings, machine: Sequence[str], workers: Workers | Jobs
) -> str | None:
    """Train fresh cells of one variant as one, in one process. Return an error message, or None on success."""
    options = ["--seeds", ",".join(map(str, seeds)), "--out", str(folder), *machine]
    return _train("train-seeds", folder / "seeds.yaml", settings, options, workers)


def _train(command: str, plan: Path, settings: Settings, options: Sequence[str], workers: Workers | Jobs) -> str | None:
    plan.parent.mkdir(parents=True, exist_ok=True)
    files.write(plan, settings.to_yaml(unread(settings)))
    status, errors = workers.run([command, "--config", str(plan), "--json", *options])
    plan.unlink(missing_ok=True)
    if status == 0:
        return None
    if status < 0:
        return f"killed by signal {-status} (9: perhaps too little memory)"
    lines = errors.strip().splitlines()
    return lines[-1].removeprefix("gencl: ") if lines else f"exit status {status}"
