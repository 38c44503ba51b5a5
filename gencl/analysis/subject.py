"""The subject of an analysis: a finished run, or the finished runs of a comparison or search."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gencl.core.documents import read
from gencl.core.errors import GenclError, UsageError
from gencl.core.files import place
from gencl.runs.documents import Average, Results
from gencl.runs.folder import RunFolder, open_run
from gencl.runs.variants import cell_folder, parse_variants
from gencl.training.folders import resume_command


@dataclass(frozen=True)
class Subject:
    """A run or comparison to analyse.

    ``runs`` are indexed by label and seed; the label of a single run is its method. ``means`` are the averages of a
    comparison, by label. ``features`` describe the features in which distances are measured.
    """

    path: Path
    preset: str
    runs: dict[str, dict[int, RunFolder]]
    means: dict[str, dict[str, Average]] = field(default_factory=dict)
    features: dict[str, Any] = field(default_factory=dict)

    @property
    def comparison(self) -> bool:
        """Whether this is a comparison rather than a single run."""
        return bool(self.means)

    @property
    def run(self) -> RunFolder:
        """The run, or the first run of a comparison."""
        return next(run for seeds in self.runs.values() for run in seeds.values())

    @property
    def name(self) -> str:
        """A description of the subject for the titles of pictures."""
        seeds = sorted({seed for runs in self.runs.values() for seed in runs})
        if not self.comparison:
            return f"{next(iter(self.runs))} on {self.preset}, seed {seeds[0]}"
        return f"{self.preset}, {f'mean of {len(seeds)} seeds' if len(seeds) > 1 else f'seed {seeds[0]}'}"


def subject(path: str | Path) -> Subject:
    """Return the run or comparison in a directory.

    Raises UsageError if there is none, if it is not finished, or if it is only a model, as a ready model is; GenclError
    for damaged files.
    """
    folder = place(path)
    if (folder / "results.json").is_file():
        return _comparison(folder)
    run = open_run(folder)
    if run.ready:
        raise UsageError(
            f"{run.path.name} is a ready model, which has no checkpoints and no log; give the folder of a run that you "
            "trained with gencl train"
        )
    if not (folder / "config.yaml").is_file():
        raise UsageError(
            f"{folder} holds a model alone; an analysis needs the settings of a run that gencl train wrote"
        )
    if not run.finished:
        raise UsageError(f"{folder} is not finished; go on with it first: {resume_command(folder)}")
    metrics = run.metrics
    return Subject(folder, metrics["preset"], {metrics["method"]: {metrics["seed"]: run}})


def _comparison(folder: Path) -> Subject:
    results, _ = read(folder / "results.json", Results)
    runs: dict[str, dict[int, RunFolder]] = {}
    for label in results.methods:
        try:
            (variant,) = parse_variants(label)
        except (UsageError, ValueError):
            raise GenclError(f"{folder / 'results.json'} is damaged: {label!r} is no method") from None
        cells = {seed: RunFolder(cell_folder(folder, variant, seed)) for seed in results.seeds}
        finished = {seed: run for seed, run in cells.items() if run.finished}
        if finished:
            runs[label] = finished
    if not runs:
        raise UsageError(f"{folder}: no run of this comparison is finished; the command that began it goes on with it")
    means = {
        label: {key: value for key, value in results.methods[label].items() if isinstance(value, Average)}
        for label in runs
    }
    return Subject(folder, results.preset, runs, means, results.features)
