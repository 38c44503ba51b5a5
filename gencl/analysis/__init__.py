"""The papers' analysis figures, from any run or comparison: a picture each, and its numbers (docs/analysis.md)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gencl.core import files, several
from gencl.core.arguments import Positive, checked
from gencl.core.errors import UsageError
from gencl.core.registry import Registry
from gencl.core.several import Names
from gencl.core.threads import alone

if TYPE_CHECKING:
    from gencl.analysis.figure import Drawing

ANALYSES = Registry(
    "analysis",
    {
        "importance": (
            "gencl.analysis.importance:figures",
            "distribution of importance, its kurtosis and skewness (SPP fig. 6, ANPyC fig. 9)",
        ),
        "similarity": (
            "gencl.analysis.similarity:figures",
            "Fréchet similarity of importance between tasks, Fisher overlap (EWC; SPP fig. 7b, ANPyC fig. 10b)",
        ),
        "drift": (
            "gencl.analysis.drift:figures",
            "change of the parameters against their importance (SPP fig. 7c and 8, ANPyC fig. 10c)",
        ),
        "learning": (
            "gencl.analysis.learning:figures",
            "how well each task is solved while it and later ones are trained (EWC fig. 2A)",
        ),
        "total": (
            "gencl.analysis.total:figures",
            "the score of all tasks together while they are trained (EWC fig. 3)",
        ),
        "perturbation": (
            "gencl.analysis.perturbation:figures",
            "the score against the size of a random step: uniform, inverse Fisher, null space (EWC)",
        ),
        "patterns": (
            "gencl.analysis.patterns:figures",
            "signal to noise of random patterns, and the share remembered, beside theory (EWC)",
        ),
        "capacity": (
            "gencl.analysis.capacity:figures",
            "what each layer has left, and the model's size (CLNP fig. 3-5, ANPyC fig. 7a)",
        ),
        "sensitivity": (
            "gencl.analysis.sensitivity:figures",
            "the measures over λ, β or any other setting (SPP fig. 4, ANPyC fig. 8); of comparisons and searches",
        ),
    },
)

SLOW = ("perturbation",)
"""Those that are drawn only where they are named: the learner is measured hundreds of times."""


@checked
@alone()
def analyze(
    run: str | Path,
    names: Names = (),
    *,
    samples: Positive = 1000,
    data_root: str | Path | None = None,
    device: str = "auto",
) -> tuple[list[Path], list[str]]:
    """Writes ``RUN/analysis/NAME.png`` and ``.csv`` and returns the pictures' paths and what is to be said of each.

    Args:
        run: the directory of a run, or of a comparison or search (`gencl.compare`, `gencl.tune`).
        names: of `ANALYSES`; default all that apply but the `SLOW` ones, with a line about each of the others.
        samples: images or latents a task on which importance is measured, at most.
        data_root: where data sets lie.
        device: auto, cpu, cuda or mps.

    Raises UsageError for an analysis that does not apply, and where none does; GenclError for damaged files.
    """
    from gencl.analysis.measuring import Bench
    from gencl.analysis.subject import subject

    wanted = [ANALYSES.check(name) for name in dict.fromkeys(several.names(names))]
    wanted = wanted or [name for name in ANALYSES if name not in SLOW]
    source = subject(run)
    files.check_folder(source.path / "analysis")
    bench = Bench(samples, data_root, device)
    paths, said = [], []
    for name in wanted:
        try:
            drawn: list[Drawing] = ANALYSES.get(name)(source, bench)
        except UsageError as error:
            if names:
                raise
            said.append(f"{name}: left out; {error}")
            continue
        paths += [_write(source.path / "analysis", figure) for figure in drawn]
        said += [f"{figure.name}: {figure.said}" for figure in drawn]
    if not paths:
        raise UsageError(said[0])
    return paths, said


def _write(folder: Path, figure: Drawing) -> Path:
    files.make_folder(folder)
    for name, text in figure.tables.items():
        files.write(folder / f"{name}.csv", text)
    path = folder / f"{figure.name}.png"
    files.write(path, figure.png)
    return path
