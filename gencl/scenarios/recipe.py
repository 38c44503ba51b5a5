"""The base class of scenarios, and functions that turn data sets into tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.files import printable
from gencl.core.part import Part
from gencl.core.randomness import permutation
from gencl.core.settings import DataSettings
from gencl.datasets.dataset import Dataset, Split
from gencl.scenarios.task import Scenario, Task

Load = Callable[[str], Dataset]
"""Loads a data set by its name, or a folder by its path, with the image size and channels of ``data.*``."""


class Ordered(Part):
    """``scenario.*`` of a recipe whose tasks may depend on the seed."""

    order: Literal["given", "seed"] = Field(
        "given",
        description="seed: tasks and validation images depend on the run's seed; given: they are the same in all runs",
    )
    later: ClassVar[tuple[str, ...]] = ("order",)


class Recipe(ABC):
    """Makes a scenario from its own settings (``scenario.*``), the data settings, and the data sets that it loads."""

    Settings: ClassVar[type[Part]]
    unread: ClassVar[tuple[str, ...]] = ()
    """Keys of ``data.*`` that the recipe does not read; config.yaml omits them."""
    seed: int = 0
    """The run's seed, set before `build` is called."""
    alike: bool = True
    """Whether a task has the same number of classes for every seed."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    def missing(self) -> str:
        """Return a sentence about settings that are still needed to make tasks, or an empty text if none is."""
        return ""

    @property
    def drawn(self) -> tuple[object, ...]:
        """The values that random choices about tasks depend on, besides their own names.

        The run's seed if ``scenario.order`` is ``seed``; else empty, so that all runs have the same tasks.
        """
        return ("seed", self.seed) if getattr(self.settings, "order", None) == "seed" else ()

    @abstractmethod
    def build(self, data: DataSettings, load: Load) -> Scenario:
        """Return the scenario, with its tasks on the CPU.

        Raises UsageError, naming the key, if settings and data do not fit.
        """


def hold_out(every: Split, data: DataSettings, *key: object) -> tuple[Split, Split]:
    """Split a task's images into a training and a validation part.

    A share ``data.validation`` of each class is held out for validation, together with all copies of these images. The
    choice depends on ``key`` alone (data set, place in it, and `Recipe.drawn`), so that all methods see the same split.
    The training part has at most ``data.limit`` images, with every class among them.

    Raises UsageError if a class has no training image left, or if the limit is less than the number of classes.
    """
    order = permutation(len(every), "split", *key)
    held_out = torch.zeros(len(every), dtype=torch.bool)
    for label in every.labels.unique().tolist():
        of_class = order[every.labels[order] == label]
        held_out[of_class[: round(data.validation * len(of_class))]] = True
    if held_out.any():
        prints = every.prints()
        apart = {prints[row] for row in held_out.nonzero().squeeze(1).tolist()}
        held_out = torch.tensor([image in apart for image in prints])
    rows = order[~held_out[order]]
    learned = every.labels[rows].unique().tolist()
    for label in set(every.labels.tolist()) - set(learned):
        images = int((every.labels == label).sum())
        copies = " apart from copies" if round(data.validation * images) < images else ""
        raise UsageError(
            f"data.validation: {data.validation} of the {images} images of class {label} leaves none to learn from"
            f"{copies}"
        )
    return every.select(_first(rows, every.labels[rows], data.limit)), every.select(held_out)


def _first(rows: Tensor, labels: Tensor, limit: int | None) -> Tensor:
    """Return the first ``limit`` of the rows, which have these labels.

    If they would miss a class, the first row of each class comes before the others. Raises UsageError if the limit is
    less than the number of classes.
    """
    classes = labels.unique()
    if limit is None or len(labels[:limit].unique()) == len(classes):
        return rows[:limit]
    if limit < len(classes):
        raise UsageError(
            f"data.limit: {limit} images cannot show {len(classes)} classes; it must be {len(classes)} or more"
        )
    leads = torch.zeros(len(rows), dtype=torch.bool)
    leads[[int((labels == c).nonzero()[0]) for c in classes]] = True
    return torch.cat([rows[leads], rows[~leads]])[:limit]


def task_of_classes(
    dataset: Dataset,
    classes: tuple[int, ...],
    data: DataSettings,
    number: int,
    *,
    index: int,
    name: str,
    first: int = 0,
    drawn: tuple[object, ...] = (),
) -> Task:
    """Return some classes of a data set as a task.

    Args:
        dataset: the data set.
        classes: the classes, as the data set numbers them.
        data: shares and limits.
        number: the task's place within the data set; with the data set's key it decides which images are held out.
        index: the task's place in the scenario.
        name: the task's name.
        first: offset added to the data set's class numbers, so that numbers are unique in the scenario.
        drawn: `Recipe.drawn`.
    """
    wanted = torch.tensor(classes)
    every = dataset.train.select(torch.isin(dataset.train.labels, wanted))
    test = dataset.test.select(torch.isin(dataset.test.labels, wanted))
    train, validation = hold_out(every, data, dataset.key, number, *drawn)
    train, validation, test = (part.relabelled(part.labels + first) for part in (train, validation, test))
    numbers = tuple(first + c for c in classes)
    return Task(index, name, numbers, train, validation, test, flip=data.flip == "yes")


def title_of(domain: str, dataset: Dataset, taken: set[str]) -> str:
    """Return a title, not yet taken, for the tasks of this data set: its name.

    If another folder has that name, the title includes the parent folder, or else is the whole path.
    """
    path = Path(domain)
    names = (dataset.name, printable(f"{path.parent.name}/{path.name}"))
    return next((name for name in names if name not in taken), printable(domain))
