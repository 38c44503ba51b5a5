"""The classes of one data set, a few at a time (split MNIST and similar)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from typing import Annotated, Literal

from pydantic import Field, field_validator

from gencl.core.errors import UsageError
from gencl.core.part import Part
from gencl.core.randomness import permutation
from gencl.core.settings import DataSettings
from gencl.scenarios.recipe import Load, Recipe, task_of_classes
from gencl.scenarios.task import DataSource, Scenario


class SplitSettings(Part):
    """``scenario.*`` of a split."""

    name: Literal["split"] = "split"
    classes_per_task: int = Field(1, ge=1, description="number of classes per task")
    sizes: list[Annotated[int, Field(ge=1)]] | None = Field(
        None,
        min_length=1,
        description="number of classes of the first task, the second and so on; replaces classes_per_task",
    )
    order: Literal["seed"] | list[int] | None = Field(
        None,
        description="order of the classes; seed: order and validation images depend on the run's seed; given "
        "(null): the data set's order, the same in all runs",
    )
    tasks: int | None = Field(None, ge=1, description="number of tasks to learn, counted from the first; null: all")

    @field_validator("order", mode="before")
    @classmethod
    def _given(cls, value: object) -> object:
        classes = isinstance(value, list) and bool(value) and all(isinstance(item, int) for item in value)
        if not (value in (None, "given", "seed") or classes):
            raise ValueError("write given, seed, or the classes in the order they are learned, such as [2, 0, 1]")
        return None if value == "given" else value


class ClassSplit(Recipe):
    """Task t has the next ``classes_per_task`` (or ``sizes[t]``) classes of ``data.name``."""

    Settings = SplitSettings
    settings: SplitSettings

    def build(self, data: DataSettings, load: Load) -> Scenario:
        dataset, settings = load(data.name), self.settings
        if settings.order == "seed":
            classes = permutation(len(dataset.classes), "order", dataset.key, *self.drawn).tolist()
        else:
            classes = settings.order or list(range(len(dataset.classes)))
        if sorted(set(classes)) != sorted(classes) or not set(classes) <= set(range(len(dataset.classes))):
            raise UsageError(
                f"scenario.order: {settings.order} must name classes of {dataset.name} "
                f"(0 to {len(dataset.classes) - 1}) once each"
            )
        if settings.sizes is None:
            groups = equal_groups(classes, settings.classes_per_task, dataset.name)
        elif sum(settings.sizes) != len(classes):
            raise UsageError(
                f"scenario.sizes: {settings.sizes} add up to {sum(settings.sizes)}, "
                f"but {dataset.name} has {len(classes)} classes to learn"
            )
        else:
            ends = list(accumulate(settings.sizes))
            groups = [tuple(classes[end - size : end]) for size, end in zip(settings.sizes, ends, strict=True)]
        groups = first_tasks(groups, settings.tasks)
        names = [_title([dataset.classes[c] for c in group]) for group in groups]
        tasks = tuple(
            task_of_classes(dataset, group, data, i, index=i, name=name, drawn=self.drawn)
            for i, (group, name) in enumerate(zip(groups, names, strict=True))
        )
        source = DataSource(dataset.name, len(dataset.classes), partial(load, data.name), dataset.pictures)
        return Scenario("split", tasks, dataset.classes, dataset.reader, sources=(source,))


def _title(classes: Sequence[str]) -> str:
    """Return a task's name: its classes, or the first and last if there are more than five."""
    return ",".join(classes) if len(classes) <= 5 else f"{classes[0]} to {classes[-1]}"


def equal_groups(classes: Sequence[int], size: int, name: str) -> list[tuple[int, ...]]:
    """Return the classes in groups of ``size``. Raises UsageError if they cannot be divided into such groups."""
    if size > len(classes):
        raise UsageError(f"scenario.classes_per_task: {size}, but {name} has only {len(classes)} classes to learn")
    if len(classes) % size:
        raise UsageError(
            f"scenario.classes_per_task: {len(classes)} classes cannot be split into tasks of {size}; "
            "use a number that divides them, such as scenario.classes_per_task=1"
        )
    return [tuple(classes[i : i + size]) for i in range(0, len(classes), size)]


def first_tasks(groups: list[tuple[int, ...]], tasks: int | None) -> list[tuple[int, ...]]:
    """Return the first ``tasks`` groups, or all. Raises UsageError if there are fewer."""
    if tasks is not None and tasks > len(groups):
        raise UsageError(f"scenario.tasks: {tasks} is not between 1 and {len(groups)}")
    return groups[:tasks]
