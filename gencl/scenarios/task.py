"""Tasks, and the scenario that orders them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from gencl.core.errors import UsageError
from gencl.core.settings import Place
from gencl.core.train_settings import TrainSettings
from gencl.datasets.dataset import Dataset, Split
from gencl.datasets.placing import placed
from gencl.scenarios.portions import Portions
from gencl.scenarios.source import Dealing, Shuffled, Source, TrainingImages
from gencl.scenarios.stretch import Stretch


@dataclass(frozen=True)
class Task:
    """One task of a sequence: its place, name, classes, and training, validation and test data.

    A task merged from several (joint training) lists them in ``parts``; a plain task is its own only part. ``shares``
    are then proportional to the images of each part in a batch; if empty, images are drawn from all parts alike.
    Batches come from ``sourced``, called with the task, batch size and seed; by default, from the training images.
    Tasks without images have empty splits. ``flip``: images are mirrored at random in training (``data.flip``).

    Classes may occur in several tasks. If a task returns whole, ``again`` is the index of its first visit; its data are
    the same, unless it is part of a stream. ``whole`` are the classes of a returning task that only its own earlier
    visits have shown; `with_whole` sets it. ``mixture`` are the shares of the classes among its images, in the order of
    ``classes``; if empty, a generator is asked for equally many of each.

    A part of a stream (`gencl.scenarios.stream`) has ``length`` steps, whatever the settings say; ``dealt`` are its
    batches of images. ``weight``: if tasks were inferred, the number of true tasks measured on this one; 0 for a later
    visit.
    """

    index: int
    name: str
    classes: tuple[int, ...]
    train: Split
    validation: Split
    test: Split
    merged: tuple[Task, ...] = ()
    shares: tuple[float, ...] = ()
    sourced: Callable[[Task, int, int], Source] = TrainingImages
    flip: bool = False
    again: int | None = None
    whole: tuple[int, ...] = ()
    mixture: tuple[float, ...] = ()
    length: int | None = None
    dealt: Stretch | None = None
    weight: int = 1

    @property
    def stored(self) -> bool:
        """Whether it is learned from stored training images, rather than from data made during training."""
        return self.sourced is TrainingImages

    def steps(self, train: TrainSettings) -> int:
        """Return the number of optimiser steps.

        Raises UsageError if epochs or patience are set but there are no training images.
        """
        if self.length is not None:
            return self.length
        counted = "epochs" if train.epochs is not None else "patience" if train.patience is not None else ""
        if counted and not len(self.train):
            raise UsageError(
                f"train.{counted}: task {self.index + 1} has no training images to pass over; use train.steps"
            )
        factor = train.first if self.index == 0 else 1.0
        wanted = train.steps if train.epochs is None else math.ceil(train.epochs * len(self.train) / train.batch_size)
        return max(1, round(factor * wanted))

    def source(self, batch_size: int, seed: int) -> Source:
        """Return the source of its batches."""
        return self.sourced(self, batch_size, seed)

    def dealing(self, batch_size: int, seed: int, device: torch.device | str) -> Dealing:
        """Return which of its images each step learns from. Raises UsageError if ``shares`` need a larger batch."""
        if self.dealt is not None:
            return self.dealt.dealing(batch_size, seed, device)
        if not self.shares:
            return Shuffled(len(self.train), batch_size, seed, self.index, device)
        images = {index: len(split) for index, split in _of_each(self.parts).items()}
        shares = dict(zip((part.index for part in self.parts), self.shares, strict=True))
        return Portions(images, [shares[index] for index in images], batch_size, seed, device)

    @property
    def parts(self) -> tuple[Task, ...]:
        return self.merged or (self,)

    @property
    def first_visit(self) -> int:
        """The index of the task's first visit: its own index, unless the task has returned."""
        return self.index if self.again is None else self.again

    @staticmethod
    def merge(tasks: tuple[Task, ...], shares: tuple[float, ...] = ()) -> Task:
        """Merge tasks into one, whose place is that of the last. Images of a task that returns are included once.

        A visit that is part of a stream may show other images of its task than the first, and these are included, too.
        """
        once = [task for task in tasks if task.again is None]
        return Task(
            index=tasks[-1].index,
            name="+".join(task.name for task in tasks),
            classes=tuple(dict.fromkeys(c for task in tasks for c in task.classes)),
            train=Split.concatenate(list(_of_each(tasks).values())),
            validation=Split.concatenate([task.validation for task in once]),
            test=Split.concatenate([task.test for task in once]),
            merged=tasks,
            shares=shares,
            flip=tasks[-1].flip,
        )


def _of_each(tasks: Sequence[Task]) -> dict[int, Split]:
    """Return the training images of each task by the index of its first visit, in order.

    In a stream, whose parts may show an image several times, it belongs to the first task that shows it with its label.
    """
    if all(task.dealt is None for task in tasks):
        return {task.index: task.train for task in tasks if task.again is None}
    seen: set[tuple[bytes, int]] = set()
    visits: dict[int, list[Split]] = {}
    for task in tasks:
        fresh: dict[tuple[bytes, int], int] = {}
        for row, image in enumerate(zip(task.train.prints(), task.train.labels.tolist(), strict=True)):
            if image not in seen:
                fresh.setdefault(image, row)
        seen |= fresh.keys()
        if fresh:
            visits.setdefault(task.first_visit, []).append(task.train.select(torch.tensor(list(fresh.values()))))
    return {index: Split.concatenate(splits) for index, splits in visits.items()}


def with_whole(tasks: Iterable[Task]) -> Iterator[Task]:
    """Yield the tasks of a sequence with `Task.whole` set."""
    had: dict[int, set[int]] = {}
    for task in tasks:
        yield replace(task, whole=tuple(c for c in task.classes if had.get(c) == {task.first_visit}))
        for c in task.classes:
            had.setdefault(c, set()).add(task.first_visit)


@dataclass(frozen=True)
class DataSource:
    """A data set that tasks are made of.

    It has a name, its number of classes, a function that loads it whole again, and whether it consists of picture
    files.
    """

    name: str
    classes: int
    read: Callable[[], Dataset]
    pictures: bool = False


@dataclass(frozen=True)
class Scenario:
    """An ordered list of tasks with images of one shape.

    ``reader`` names the feature extractor that suits the images, if any. The last ``added`` tasks were not planned:
    they were appended after the earlier ones had been learned (`gencl.extend`). ``sources`` are the labelled data sets
    that the classes come from, if they do; class numbers continue from one to the next. ``doubts`` are warnings to show
    before training. ``held_out`` has all held-out images, each once, if tasks have some in common. ``boundaries`` is
    the agreement of inferred tasks with the true ones, if tasks were inferred.
    """

    name: str
    tasks: tuple[Task, ...]
    class_names: tuple[str, ...]
    reader: str | None
    added: int = 0
    sources: tuple[DataSource, ...] = field(default=(), compare=False)
    doubts: tuple[str, ...] = field(default=(), compare=False)
    held_out: Task | None = field(default=None, compare=False)
    boundaries: Mapping[str, Any] | None = field(default=None, compare=False)

    @property
    def planned(self) -> tuple[Task, ...]:
        """The tasks without those that were added later."""
        return self.tasks[: len(self.tasks) - self.added]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return self.tasks[0].train.shape

    def to(self, device: torch.device | str, place: Place = "auto") -> Scenario:
        """Return the scenario for training on ``device``, with its images where ``data.place`` says.

        See `gencl.datasets.placing`.
        """
        every = [*self.tasks, *((self.held_out,) if self.held_out else ())]
        splits = [split for task in every for split in (task.train, task.validation, task.test)]
        there = iter(placed(splits, device, place))
        tasks = [replace(task, train=next(there), validation=next(there), test=next(there)) for task in every]
        n = len(self.tasks)
        return replace(self, tasks=tuple(tasks[:n]), held_out=tasks[n] if self.held_out else None)

    @property
    def recurs(self) -> bool:
        """Whether a class occurs in several tasks."""
        return len({c for task in self.tasks for c in task.classes}) < sum(len(task.classes) for task in self.tasks)

    def _unlike_names(self) -> dict[int, str]:
        """Return the classes' names, in the order of their first tasks.

        If names repeat, each gets the name of its first task in front.
        """
        first = {c: task.name for task in reversed(self.tasks) for c in task.classes}
        order = dict.fromkeys(c for task in self.tasks for c in task.classes)
        names = {c: self.class_names[c] for c in order}
        return (
            names if len(set(names.values())) == len(names) else {c: f"{first[c]}: {name}" for c, name in names.items()}
        )

    def by_class(self) -> list[Task]:
        """Return each class as a task of its own, in the order of the classes' first tasks, with all its held-out
        images.

        A task's index is the class number. Its training part is empty.
        """
        planned = [task for task in self.planned if task.again is None]
        sources = [*([self.held_out] if self.held_out else planned), *self.tasks[len(self.planned) :]]
        names = self._unlike_names()

        def part(c: int, which: Callable[[Task], Split]) -> Split:
            splits = [which(task) for task in sources if c in task.classes]
            return Split.concatenate([split.select(split.labels == c) for split in splits])

        return [
            Task(
                c,
                names[c],
                (c,),
                self.tasks[0].train.select(self.tasks[0].train.labels < 0),
                part(c, lambda task: task.validation),
                part(c, lambda task: task.test),
            )
            for c in names
        ]
