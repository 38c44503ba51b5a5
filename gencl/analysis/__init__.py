"""Draw the papers' analysis figures of any run or comparison, with the numbers behind them (docs/analysis.md)."""

from __future__ import annotations

import warnings
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
            "how unequal importance is: distribution, kurtosis, skewness (SPP fig. 6, ANPyC fig. 9)",
        ),
        "similarity": (
            "gencl.analysis.similarity:figures",
            "whether two tasks rest on the same parameters (EWC, Fisher overlap; SPP fig. 7, ANPyC fig. 10)",
        ),
        "drift": (
            "gencl.analysis.drift:figures",
            "whether important parameters stayed where they were (SPP fig. 7 and 8, ANPyC fig. 10)",
        ),
        "learning": (
            "gencl.analysis.learning:figures",
            "accuracy while each task trains (EWC fig. 2A); needs --set evaluate.within=yes",
        ),
        "total": (
            "gencl.analysis.total:figures",
            "the sum of all tasks' scores while they train (EWC fig. 3); needs --set evaluate.within=yes",
        ),
        "perturbation": (
            "gencl.analysis.perturbation:figures",
            "the score after random steps: uniform, inverse Fisher, null space (EWC)",
        ),
        "patterns": (
            "gencl.analysis.patterns:figures",
            "how many random patterns are remembered, beside theory (EWC)",
        ),
        "capacity": (
            "gencl.analysis.capacity:figures",
            "how much of each layer is taken (CLNP fig. 3-5), and the model's size (ANPyC fig. 7)",
        ),
        "sensitivity": (
            "gencl.analysis.sensitivity:figures",
            "accuracy or distance over a setting that DIR varied (SPP fig. 4, ANPyC fig. 8)",
        ),
    },
)

SLOW = ("perturbation",)
"""Analyses that are drawn only if named, because they evaluate the learner hundreds of times."""


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
    """Write ``RUN/analysis/NAME.png`` and ``.csv`` and return the paths of the pictures and a message about each.

    Args:
        run: the directory of a run, or of a comparison or search (`gencl.compare`, `gencl.tune`).
        names: names from `ANALYSES`. Default: all but the `SLOW` ones. A warning tells why one of them does not
            apply; without names, a message does.
        samples: maximal number of images or latents per task on which importance is measured.
        data_root: the directory of the data sets.
        device: auto, cpu, cuda or mps.

    Raises UsageError if none of them applies; GenclError for damaged files.
    """
    from gencl.analysis.measuring import Bench
    from gencl.analysis.subject import subject

    wanted = [ANALYSES.check(name) for name in dict.fromkeys(several.names(names))]
    wanted = wanted or [name for name in ANALYSES if name not in SLOW]
    source = subject(run)
    files.check_folder(source.path / "analysis")
    bench = Bench(samples, data_root, device)
    paths, said, left_out = [], [], []
    for name in wanted:
        try:
            drawn: list[Drawing] = ANALYSES.get(name)(source, bench)
        except UsageError as error:
            left_out.append(f"{name}: left out; {error}")
            continue
        paths += [_write(source.path / "analysis", figure) for figure in drawn]
        said += [f"{figure.name}: {figure.said}" for figure in drawn]
    if not paths:
        raise UsageError(left_out[0])
    if not names:
        return paths, [*left_out, *said]
    for line in left_out:
        warnings.warn(line, stacklevel=2)
    return paths, said


def _write(folder: Path, figure: Drawing) -> Path:
    files.make_folder(folder)
    for name, text in figure.tables.items():
        files.write(folder / f"{name}.csv", text)
    path = folder / f"{figure.name}.png"
    files.write(path, figure.png)
    return path
