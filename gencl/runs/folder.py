"""The directory of a run, read: settings, measures, and the trained learner."""

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
"""A model whose settings' numbers come to more than this is looked at before it is built."""


class RunFolder:
    """What one training left in a directory, read. Nothing in it is ever unpickled."""

    def __init__(self, path: str | Path) -> None:
        self.path = files.place(path).absolute()  # it stays where it is, wherever the process goes
        self.estimate: dict[str, float] | None = None
        """What was said of time and memory at the start, by the process that trained it."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    @property
    def ready(self) -> bool:
        """Whether this model comes with gencl: nothing is written beside it."""
        return self.path.parent == ready.FOLDER

    @property
    def finished(self) -> bool:
        """Whether all tasks were learned and everything was written: the model is of all that were added later, and
        the report, which is written last, is there with the figures. Weights may have been removed to save room."""
        if {*self.lost} - {self.weights.name}:
            return False
        try:
            return self.card.extended == len(self.settings.extend)
        except GenclError:
            return False

    @property
    def weights(self) -> Path:
        """The file of what was learned."""
        return self.path / "model.safetensors"

    @property
    def ended(self) -> bool:
        """Whether a model was written, at the end of training, of which something may be gone."""
        return self.weights.is_file() or (self.path / "model.json").is_file()

    @property
    def lost(self) -> list[str]:
        """What a run that has ended should hold and does not."""
        names = ("metrics.json", "model.json", "model.safetensors", "report.html")
        return [name for name in names if not (self.path / name).is_file()]

    @property
    def settings(self) -> Settings:
        path = self.path / "config.yaml"
        settings: Settings = check(Settings, read_yaml(path), str(path))
        return settings

    @property
    def metrics(self) -> dict[str, Any]:
        """The content of metrics.json. Raises GenclError when it is absent or damaged."""
        return documents.read(self.path / "metrics.json", Metrics)[1]

    @property
    def evaluation(self) -> dict[str, Any]:
        """The content of evaluation.json: what was measured at the end of training, or by `evaluate` since.

        Raises GenclError when it is absent or damaged.
        """
        return documents.read(self.path / "evaluation.json", Evaluation)[1]

    @property
    def card(self) -> ModelCard:
        """The content of model.json. Raises GenclError when it is absent or damaged."""
        return documents.read(self.path / "model.json", ModelCard)[0]

    def learner(self, device: str = "cpu") -> Learner:
        """The trained learner, in evaluation mode. Raises GenclError when its files are absent or damaged."""
        card, weights = self.card, self.weights
        require(card.plugins, self.path / "model.json")
        try:
            if files.sha256(weights) != card.sha256:
                raise ValueError("its checksum is not the one in model.json")
            if _numbers(card.model) + _numbers(card.tasks) > LARGE:  # told apart from a lie before memory is asked for
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
        """Its grids of samples, in the order of the tasks."""
        return sorted((self.path / "samples").glob("task-*.png"), key=lambda path: (len(path.name), path.name))

    def untrained(self, tasks: int) -> Learner:
        """A learner as it was built and has grown for the first so many tasks: shapes, not what was learned."""
        require(self.card.plugins, self.path / "model.json")
        return _built(self.card, tasks)

    def generator(self, device: str = "cpu") -> GenerativeLearner:
        """The trained learner, or the generator beside it. Raises UsageError if there is none."""
        learner = self.learner(device)
        generator = learner.generative()
        if generator is None:
            classifies = learner.classifier() is not None
            held = "a classifier without model.generator" if classifies else f"a {type(learner).__name__}"
            raise UsageError(f"{self.path} holds {held}: there are no images to draw")
        return generator

    def class_names(self) -> list[str]:
        """The classes' names by number."""
        return self.card.class_names


def locked_run(folder: Path, patience: float = 0.0) -> int:
    """Keeps other writers out of a run, as `files.locked` does. Raises UsageError where one is still at work."""
    try:
        return files.locked(folder, patience)
    except BlockingIOError:
        raise UsageError(f"another process writes the run in {folder}; wait, or choose another --out") from None


def _built(card: ModelCard, tasks: int | None = None, device: str = "cpu") -> Learner:
    """A learner as the card says, grown for the first so many tasks (all)."""
    learner = make_learner(card.model, card.image_shape, card.seed, device)
    for classes in card.tasks[:tasks]:
        learner.grow(classes, 0)
    return learner


def _numbers(tree: object) -> int:
    """The sum of all whole numbers in a tree."""
    if isinstance(tree, dict):
        return sum(map(_numbers, tree.values()))
    if isinstance(tree, list):
        return len(tree) + sum(map(_numbers, tree))
    return abs(tree) if isinstance(tree, int) else 0


def open_run(path: str | Path | RunFolder) -> RunFolder:
    """The run, or the model alone (model.json, model.safetensors), in a directory, or the ready model of this name.

    Raises UsageError if there is none.
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
