"""Recurring classes: a Dirichlet draw spreads each class over all tasks (the protocol of Multiband VAE)."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.randomness import derive_seed, permutation
from gencl.core.settings import DataSettings
from gencl.core.shares import apportioned
from gencl.datasets.dataset import Dataset, Split
from gencl.scenarios.recipe import Load, Ordered, Recipe, hold_out
from gencl.scenarios.task import DataSource, Scenario, Task


class DirichletSettings(Ordered):
    """``scenario.*`` of classes that are spread over tasks."""

    name: Literal["dirichlet"] = "dirichlet"
    tasks: int = Field(10, ge=1, le=10_000, description="number of tasks among which each class's images are divided")
    alpha: float = Field(
        1.0,
        gt=0,
        le=1e6,
        description="concentration of the Dirichlet distribution: near 0, a class is in few tasks; above 10, evenly "
        "in all",
    )
    order: Literal["given", "seed"] = Field(
        "seed",
        description="seed: the shares, images and validation images depend on the run's seed; given: they are the "
        "same in all runs",
    )
    later = ()


class Dirichlet(Recipe):
    """For each class of ``data.name``, shares p ~ Dir(alpha, ..., alpha) divide its training images among the tasks
    (Deja et al., Multiband VAE, IJCAI 2022).

    Shares become numbers of images by largest remainders, so that each image is in exactly one task. A task has the
    classes of which it has images. A class may thus appear in several tasks.

    Test and validation images of a task follow its own mixture of classes. Their numbers are proportional to its
    training images per class: as many as the scarcest class allows (rounded down), at least one per class. They are the
    first images of one fixed order per class, so that tasks have test images in common. Scores of a task thus measure
    the classes it was trained on. Scores per class (``classes`` in metrics.json) use all held-out images of the class.
    """

    Settings = DirichletSettings
    settings: DirichletSettings
    alike = False

    def build(self, data: DataSettings, load: Load) -> Scenario:
        dataset = load(data.name)
        train, validation = hold_out(
            dataset.train, data.model_copy(update={"limit": None}), dataset.key, 0, *self.drawn
        )
        spread = [self._spread(rows, dataset, c) for c, rows in enumerate(_of_classes(train, len(dataset.classes)))]
        fixed = [
            [rows[permutation(len(rows), "dirichlet", name, dataset.key, c)] for c, rows in enumerate(of_classes)]
            for name, split in (("validation", validation), ("test", dataset.test))
            if (of_classes := _of_classes(split, len(dataset.classes)))
        ]
        if len(train) < self.settings.tasks:
            raise UsageError(
                f"scenario.tasks: {dataset.name} has {len(train)} training pictures, fewer than the "
                f"{self.settings.tasks} tasks; lower scenario.tasks"
            )
        tasks = []
        for t in range(self.settings.tasks):
            own = torch.cat([pieces[t] for pieces in spread])
            if not len(own):
                raise UsageError(
                    f"scenario.alpha: {self.settings.alpha} leaves task {t + 1} of {self.settings.tasks} without a "
                    f"picture of {dataset.name}; raise scenario.alpha, or lower scenario.tasks"
                )
            own = own[permutation(len(own), "dirichlet", "task", t, *self.drawn)][: data.limit]
            counts = train.labels[own].bincount(minlength=len(spread)).tolist()
            tasks.append(
                Task(
                    t,
                    f"part {t + 1}",
                    tuple(c for c, count in enumerate(counts) if count),
                    train=train.select(own),
                    validation=validation.select(_in_proportion(fixed[0], counts)),
                    test=dataset.test.select(_in_proportion(fixed[1], counts)),
                    flip=data.flip == "yes",
                    mixture=tuple(count / len(own) for count in counts if count),
                )
            )
        source = DataSource(dataset.name, len(dataset.classes), partial(load, data.name), dataset.pictures)
        everything = tuple(range(len(dataset.classes)))
        held_out = Task(len(tasks), dataset.name, everything, train.select(own[:0]), validation, dataset.test)
        return Scenario(
            "dirichlet", tuple(tasks), dataset.classes, dataset.reader, sources=(source,), held_out=held_out
        )

    def _spread(self, rows: Tensor, dataset: Dataset, c: int) -> list[Tensor]:
        """Divide a class's training images, rows (n,), among the tasks.

        Raises UsageError if there are none.
        """
        if not len(rows):
            raise UsageError(
                f"scenario.name: dirichlet spreads each class over the tasks, but class {dataset.classes[c]} of "
                f"{dataset.name} has no picture"
            )
        key = (dataset.key, c, *self.drawn)
        random = np.random.default_rng(derive_seed("dirichlet", *key))
        shares = random.dirichlet([self.settings.alpha] * self.settings.tasks)
        return list(rows[permutation(len(rows), "dirichlet", *key)].split(apportioned(len(rows), shares.tolist())))


def _of_classes(split: Split, classes: int) -> list[Tensor]:
    """Return the rows of each class."""
    return [(split.labels == c).nonzero().squeeze(1) for c in range(classes)]


def _in_proportion(places: list[Tensor], counts: list[int]) -> Tensor:
    """Return rows of each class in proportion to ``counts``.

    There are as many as the scarcest class allows, less what rounding takes, and at least one of each class that has
    any.
    """
    present = [(rows, count) for rows, count in zip(places, counts, strict=True) if count and len(rows)]
    share = min((len(rows) / count for rows, count in present), default=0.0)
    return torch.cat([rows[: max(1, int(share * count))] for rows, count in present] or [places[0][:0]])
