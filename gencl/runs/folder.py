"""Reads the directory of a run: settings, measures and the trained learner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from gencl.core import documents, files
from gencl.core.errors import GenclError, UsageError
from gencl.core.part import check, read_yaml
from gencl.core.settings import Settings
from gencl.learners.generative import GenerativeLearner
from gencl.learners.learner import Learner
from gencl.plugins.needed import require
from gencl.runs import ready
from gencl.runs.build import make_learner
from gencl.runs.documents import Evaluation, Metrics, ModelCard

LARGE = 10_000
"""If the numbers in a model's settings sum to more than this, its size is checked before it is built."""


class RunFolder:
    """Reads what a training run left in a directory. It never unpickles anything."""

    def __init__(self, path: str | Path) -> None:
        self.path = files.place(path).absolute()  # stays valid if the process changes its directory
        self.estimate: dict[str, float] | None = None
        """The estimate of time and memory from the start of the run, in the process that trained it."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    @property
    def ready(self) -> bool:
        """Whether this model comes with gencl, so that nothing is written beside it. Links are followed."""
        return self.path.resolve().parent == ready.FOLDER.resolve()

    @property
    def finished(self) -> bool:
        """Whether all tasks, including those added later, were learned and all files were written.

        The report is written last. The weights may be missing, because they may have been removed to save room.
        """
        if {*self.lost} - {self.weights.name}:
            return False
        try:
            return self.card.extended == len(self.settings.extend)
        except GenclError:
            return False

    @property
    def weights(self) -> Path:
        """The path of the trained weights."""
        return self.path / "model.safetensors"

    @property
    def ended(self) -> bool:
        """Whether training ended and wrote a model. Some of the run's files may be missing since."""
        return self.weights.is_file() or (self.path / "model.json").is_file()

    @property
    def lost(self) -> list[str]:
        """The names of files that a run has once it has ended, but that are missing."""
        names = ("metrics.json", "model.json", "model.safetensors", "report.html")
        return [name for name in names if not (self.path / name).is_file()]

    @property
    def settings(self) -> Settings:
        path = self.path / "config.yaml"
        settings: Settings = check(Settings, read_yaml(path), str(path))
        return settings

    @property
    def metrics(self) -> dict[str, Any]:
        """The content of metrics.json. Raises GenclError if it is missing or damaged."""
        return documents.read(self.path / "metrics.json", Metrics)[1]

    @property
    def evaluation(self) -> dict[str, Any]:
        """The content of evaluation.json: what was measured at the end of training, or by `evaluate` since.

        Raises GenclError if it is missing or damaged.
        """
        return documents.read(self.path / "evaluation.json", Evaluation)[1]

    @property
    def card(self) -> ModelCard:
        """The content of model.json. Raises GenclError if it is missing or damaged."""
        return documents.read(self.path / "model.json", ModelCard)[0]

    def learner(self, device: str = "cpu") -> Learner:
        """Return the trained learner in evaluation mode. Raises GenclError if its files are missing or damaged."""
        card, weights = self.card, self.weights
        require(card.plugins, self.path / "model.json")
        try:
            if files.sha256(weights) != card.sha256:
                raise ValueError("its checksum is not the one in model.json")
            if _numbers(card.model) + _numbers(card.tasks) > LARGE:  # check the claim before allocating memory
                with torch.device("meta"):
                    declared = sum(tensor.numel() for tensor in _built(card, device="meta").state_dict().values())
                if declared > weights.stat().st_size:
                    raise ValueError(f"model.json declares {declared:,} numbers, more than the file has bytes")
            learner = _built(card)
            learner.load_state_dict(load_file(weights))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError, UsageError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise GenclError(f"{weights} cannot be used with model.json: {reason}") from error
        return learner.to(device).eval()

    def grids(self) -> list[Path]:
        """Return the paths of the sample grids, in the order of the tasks. Other pictures there are left out."""
        grids = [path for path in (self.path / "samples").glob("task-*.png") if path.stem[len("task-") :].isdecimal()]
        return sorted(grids, key=lambda path: (len(path.name), path.name))

    def untrained(self, tasks: int) -> Learner:
        """Return the learner with the parameters of the first ``tasks`` tasks, at their initial values."""
        require(self.card.plugins, self.path / "model.json")
        return _built(self.card, tasks)

    def generator(self, device: str = "cpu") -> GenerativeLearner:
        """Return the trained learner if it generates images, else the generator beside it. Raises UsageError if
        neither."""
        learner = self.learner(device)
        generator = learner.generative()
        if generator is None:
            classifies = learner.classifier() is not None
            held = "a classifier without model.generator" if classifies else f"a {type(learner).__name__}"
            raise UsageError(f"{self.path} holds {held}: there are no images to draw")
        return generator

    def class_names(self) -> list[str]:
        """Return the names of the classes, by number."""
        return self.card.class_names


def locked_run(folder: Path, patience: float = 0.0) -> int:
    """Lock a run against other writers, and return what `os.close` unlocks.

    Raises UsageError if another process is still writing there after ``patience`` seconds.
    """
    try:
        return files.locked(folder, patience)
    except BlockingIOError:
        raise UsageError(f"another process writes the run in {folder}; wait, or choose another --out") from None


def _built(card: ModelCard, tasks: int | None = None, device: str = "cpu") -> Learner:
    """Return a learner built from the card, grown for the first ``tasks`` tasks (None: all)."""
    learner = make_learner(card.model, card.image_shape, card.seed, device)
    for classes in card.tasks[:tasks]:
        learner.grow(classes, 0)
    return learner


def _numbers(tree: object) -> int:
    """Return the sum of all whole numbers in a tree, by absolute value, and of the lengths of its lists."""
    if isinstance(tree, dict):
        return sum(map(_numbers, tree.values()))
    if isinstance(tree, list):
        return len(tree) + sum(map(_numbers, tree))
    return abs(tree) if isinstance(tree, int) else 0


def open_run(path: str | Path | RunFolder) -> RunFolder:
    """Return the run in a directory, or the ready model of this name.

    The directory may hold a model alone: model.json and model.safetensors. Raises UsageError if there is nothing to
    open.
    """
    if isinstance(path, RunFolder):
        return path
    run = RunFolder(ready.locate(path))
    if not any((run.path / name).is_file() for name in ("config.yaml", "model.json")):
        what = "is not a run: it has no config.yaml" if run.path.is_dir() else "is not a directory"
        what = what if run.path.exists() else "does not exist"
        models = f", or the name of a ready model: {', '.join(ready.names())}" if ready.names() else ""
        raise UsageError(f"{run.path} {what}; give the directory that gencl train wrote{models}")
    return run
