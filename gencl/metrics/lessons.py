"""Training data and schedule of a trained classifier: whole data sets, however a run divides them into tasks."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from itertools import accumulate

import torch

from gencl.datasets.dataset import Split
from gencl.scenarios.task import DataSource, Scenario


@dataclass(frozen=True)
class TrainingPlan:
    """How a classifier is trained. Change ``version`` whenever the network or its training changes.

    Training lasts ``epochs`` passes over the images, but at least ``fewest_steps`` and at most ``steps`` steps.
    """

    version: int = 1
    steps: int = 1200
    fewest_steps: int = 200
    epochs: int = 10
    batch_size: int = 128
    lr: float = 3e-3

    def steps_for(self, images: int) -> int:
        return min(self.steps, max(self.fewest_steps, self.epochs * -(-images // self.batch_size)))


@dataclass(frozen=True)
class Domain:
    """One of the data sets: hashes of its content, its place in the scenario, and its training and test part."""

    prints: list[str]
    number: int
    train: Split
    test: Split

    @staticmethod
    def of(source: DataSource, number: int, kept: set[bytes]) -> Domain:
        """Return the domain of a data source, without the training images whose hashes are in ``kept``."""
        data = source.read()
        train = _without(data.train, kept)
        prints = [f(part) for part in (train, data.test) for f in (Split.fingerprint, _labels_digest)]
        return Domain(prints, number, train, data.test)


class Lessons:
    """The data that a classifier learns from: the whole training and test parts of a scenario's data sets.

    If ``split`` is "validation", ``train`` lacks the validation images. The content of the data sets decides their
    order, so that scenarios of the same ones share a classifier. ``outputs[k]`` is the label in ``train`` and ``test``
    of the scenario's class k. ``key`` identifies the data and the training plan.
    """

    def __init__(self, scenario: Scenario, split: str, recipe: TrainingPlan) -> None:
        sources = scenario.sources
        shown = [*scenario.planned, *((scenario.held_out,) if scenario.held_out else ())]
        apart = [task.validation for task in shown if split == "validation"]
        kept = {image for part in apart for image in part.prints()}
        parts = [Domain.of(source, number, kept) for number, source in enumerate(sources)]
        parts.sort(key=lambda part: (part.prints, part.number))
        counts = [sources[part.number].classes for part in parts]
        firsts = dict(zip((part.number for part in parts), [0, *accumulate(counts)], strict=False))
        self.outputs = [firsts[number] + c for number, source in enumerate(sources) for c in range(source.classes)]
        self.train = Split.concatenate(
            [part.train.relabelled(part.train.labels + firsts[part.number]) for part in parts]
        )
        self.test = Split.concatenate([part.test.relabelled(part.test.labels + firsts[part.number]) for part in parts])
        names = " and ".join(sources[part.number].name for part in parts)
        self.about = f"{names}, {sum(counts)} classes, {len(self.train)} images"
        content = repr((asdict(recipe), counts, [part.prints for part in parts]))
        self.key = hashlib.sha256(content.encode()).hexdigest()[:32]


def unsuited(scenario: Scenario) -> str:
    """Return why no classifier can be trained for a scenario; empty if one can."""
    if not scenario.sources:
        return f"the classes of a {scenario.name} scenario are not those of labelled data sets"
    for source in scenario.sources:
        if source.classes < 2:
            return f"{source.name} has one class, and a reader learns by telling classes apart"
    return ""


def _without(split: Split, kept: set[bytes]) -> Split:
    """Return the split without the images whose hashes are in ``kept``, copies included."""
    return split.select(torch.tensor([image not in kept for image in split.prints()])) if kept else split


def _labels_digest(split: Split) -> str:
    return hashlib.sha256(split.labels.contiguous().numpy().tobytes()).hexdigest()
