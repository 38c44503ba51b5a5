"""Data sets or folders one after another (SPP's five visual domains; CIFAR-10, then CIFAR-100; MNIST, then SVHN)."""

from __future__ import annotations

import os
from collections import Counter
from functools import partial
from typing import Literal

from pydantic import Field, field_validator

from gencl.core.errors import UsageError
from gencl.core.files import absolute, is_path
from gencl.core.randomness import permutation
from gencl.core.settings import DataSettings
from gencl.datasets.dataset import Dataset
from gencl.datasets.load import check_there
from gencl.scenarios.recipe import Load, Ordered, Recipe, task_of_classes, title_of
from gencl.scenarios.split import equal_groups
from gencl.scenarios.task import DataSource, Scenario, Task


class DomainsSettings(Ordered):
    """``scenario.*`` of domains."""

    name: Literal["domains"] = "domains"
    domains: list[str] = Field(
        [], description="data sets or folders (written with a /), in the order in which they are learned"
    )
    classes_per_task: int | None = Field(
        None, ge=1, description="classes per task, if a domain is to be divided into several; null: one task per domain"
    )
    tasks: int | None = Field(None, ge=1, description="number of tasks to learn, counted from the first; null: all")

    @field_validator("domains")
    @classmethod
    def _once_each(cls, value: list[str]) -> list[str]:
        places = [os.path.realpath(absolute(name)) if is_path(name) else absolute(name) for name in value]
        for i, name in enumerate(value):
            if places[i] in places[:i]:
                raise ValueError(f"{name} is named twice: its classes would be in two tasks")
        return [absolute(name) for name in value]  # so that config.yaml works from any folder


class Domains(Recipe):
    """Each domain is one task, or several tasks of ``classes_per_task`` classes. Class numbers continue from domain to
    domain.

    Domains come in the order in which they are named. With ``order: seed``, the run's seed decides which classes of a
    divided domain go together, and which images are held out for validation.

    All images must have one shape; ``data.size`` and ``data.channels`` bring them to it. ``data.name`` is not read.
    """

    Settings = DomainsSettings
    unread = ("name",)
    settings: DomainsSettings

    def missing(self) -> str:
        if self.settings.domains:
            return ""
        return "scenario.domains: name data sets or folders: --set scenario.domains=[mnist,./pictures]"

    def build(self, data: DataSettings, load: Load) -> Scenario:
        settings = self.settings
        if self.missing():
            raise UsageError(self.missing())
        for domain in settings.domains if settings.tasks is None else ():
            check_there(domain)  # before the first is read, which may take minutes
        tasks: list[Task] = []
        names: list[tuple[str, str]] = []
        titles: set[str] = set()
        sources: list[DataSource] = []
        shapes: dict[str, tuple[int, int, int]] = {}
        for domain in settings.domains:
            if settings.tasks is not None and len(tasks) >= settings.tasks:
                break
            dataset = load(domain)
            shapes[domain] = dataset.train.shape
            title = title_of(domain, dataset, titles)
            titles.add(title)
            groups = self._groups(dataset)
            for number, group in enumerate(groups):
                tasks.append(
                    task_of_classes(
                        dataset,
                        group,
                        data,
                        number,
                        index=len(tasks),
                        name=title if len(groups) == 1 else f"{title} {number + 1}",
                        first=len(names),
                        drawn=self.drawn,
                    )
                )
            names += [(title, name) for name in dataset.classes]
            sources.append(DataSource(dataset.name, len(dataset.classes), partial(load, domain), dataset.pictures))
        if settings.tasks is not None and settings.tasks > len(tasks):
            raise UsageError(f"scenario.tasks: {settings.tasks} is not between 1 and {len(tasks)}")
        _check_shapes(shapes)
        shown = _told_apart(names)
        return Scenario("domains", tuple(tasks[: settings.tasks]), shown, reader=None, sources=tuple(sources))

    def _groups(self, dataset: Dataset) -> list[tuple[int, ...]]:
        classes, size = list(range(len(dataset.classes))), self.settings.classes_per_task
        if self.drawn and size is not None:
            classes = permutation(len(classes), "order", dataset.key, *self.drawn).tolist()
        return equal_groups(classes, size or len(classes), dataset.name)


def _told_apart(names: list[tuple[str, str]]) -> tuple[str, ...]:
    """Return the class names; a name that occurs in several domains gets the domain's title in front."""
    often = Counter(name for _, name in names)
    return tuple(name if often[name] == 1 else f"{title} {name}" for title, name in names)


def _check_shapes(shapes: dict[str, tuple[int, int, int]]) -> None:
    if len(set(shapes.values())) < 2:
        return
    shown = ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in shapes.items())
    channels = max(shape[0] for shape in shapes.values())
    sides = max(side for shape in shapes.values() for side in shape[1:])
    needed = [f"data.size={sides}"] if len({shape[1:] for shape in shapes.values()}) > 1 else []
    needed += [f"data.channels={channels}"] if len({shape[0] for shape in shapes.values()}) > 1 else []
    advice = " ".join(f"--set {assignment}" for assignment in needed)
    raise UsageError(f"scenario.domains: the images differ in shape ({shown}); bring them to one: {advice}")
