"""Sets of images that are compared: a run's, a folder's, a data set's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.files import is_path, place, printable
from gencl.core.folders import data_root
from gencl.core.randomness import permutation
from gencl.core.settings import DataSettings
from gencl.datasets import DATASETS
from gencl.datasets.dataset import Split
from gencl.datasets.folder import pictures_below
from gencl.datasets.load import load_dataset
from gencl.datasets.pictures import read_pictures
from gencl.learners.generative import GenerativeLearner
from gencl.metrics.snapshot import to_uint8
from gencl.runs import ready
from gencl.runs.folder import RunFolder, open_run
from gencl.runs.same_images import scenario_of
from gencl.scenarios.task import Scenario


@dataclass(frozen=True)
class Images:
    """One side: n images; either a split, or made row by row."""

    name: str
    n: int
    make: Callable[[Tensor], Tensor]
    part: Split | None = None
    reader: str | None = None


@dataclass(frozen=True)
class Side:
    """A side of the comparison before its images are read: where they come from, and the run, if it is one."""

    name: str
    run: RunFolder | None = None
    scenario: Scenario | None = None


def side_of(name: str, root: Path | None) -> Side:
    """What a name stands for: a run or ready model, a folder, or a data set."""
    folder = ready.locate(name)
    if any((folder / file).is_file() for file in ("config.yaml", "model.json")):
        run = open_run(folder)
        return Side(name, run, scenario_of(run, root) if (folder / "config.yaml").is_file() else None)
    return Side(name)


def images_of(side: Side, data: DataSettings, root: Path | None, split: str, n: int | None) -> Images:
    """The images of a side: drawn by a run, or those of a folder or data set."""
    if side.run is not None:
        return drawn(side.name, side.run.generator(), n or 1000, side.run.card.seed)
    reader = None
    if place(side.name).is_dir() and (is_path(side.name) or side.name not in DATASETS):
        folder = place(side.name)
        part = read_pictures(folder, [pictures_below(folder)], data).part
    else:
        dataset = load_dataset(side.name, data, None if root is None else data_root(root))
        part, reader = dataset.train if split == "train" else dataset.test, dataset.reader
    if n is not None and n < len(part):
        part = part.select(permutation(len(part), "fid")[:n].sort().values)
    elif n is not None and n > len(part):
        raise UsageError(f"--n: {n:,} images were asked for, and {printable(side.name)} has {len(part):,}")
    return Images(side.name, len(part), part.take, part, reader)


def drawn(name: str, learner: GenerativeLearner, n: int, seed: int) -> Images:
    """Equally many of each class: n, rounded up to a multiple of the classes."""
    each = -(-n // len(learner.classes))
    classes = torch.tensor(learner.classes).repeat_interleave(each)
    latents = learner.latents(len(classes), seed, "fid")

    @torch.no_grad()
    def make(rows: Tensor) -> Tensor:
        learner.to(rows.device)
        return to_uint8(learner.generate(classes.to(rows.device)[rows], latents.to(rows.device)[rows]))

    return Images(name, len(classes), make)
