"""Tasks that are appended to a scenario after it has been learned (``extend`` in the settings), for every kind of
scenario."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import torch

from gencl.core.errors import UsageError
from gencl.core.files import absolute, is_path, place
from gencl.core.settings import Added, DataSettings
from gencl.datasets.dataset import Dataset, Split
from gencl.scenarios.recipe import task_of_classes, title_of
from gencl.scenarios.task import Scenario, Task

LoadAs = Callable[[str, DataSettings], Dataset]
"""Loads a data set by its name, or a folder by its path, with the image size and channels of these settings."""


def with_added(
    scenario: Scenario,
    added: Sequence[Added],
    data: DataSettings,
    planned_data: Iterable[str],
    load: LoadAs,
    drawn: tuple[object, ...] = (),
) -> Scenario:
    """Return the scenario with one more task per entry of ``added``. A task has all classes of its data.

    New classes get the next free numbers. If an entry has ``known: yes``, a class with the name of an earlier class is
    that class and gets its number.

    Args:
        scenario: the planned tasks.
        added: the tasks added later, in order.
        data: shares and limits. Image size and channels are those of the scenario's images instead.
        planned_data: names or folders of the data that the planned tasks use.
        load: loads a data set.
        drawn: the values that the choice of validation images depends on (`Recipe.drawn`).

    Raises UsageError if the tasks have no stored images, if data are in the sequence already, if images do not have its
    shape, or if ``known: yes`` matches no class or an ambiguous one.
    """
    if added and not all(task.stored for task in scenario.tasks):
        raise UsageError(f"{added[0].data} cannot follow tasks that have no images; train a run with all tasks")
    places = {_place(name) for name in planned_data}
    tasks, names = list(scenario.tasks), list(scenario.class_names)
    for entry in added:
        if _place(entry.data) in places:
            raise UsageError(f"{entry.data} is learned already: its images would be in two tasks; name other images")
        places.add(_place(entry.data))
        dataset = _fitted(entry.data, data, scenario.image_shape, load)
        title = title_of(entry.data, dataset, {task.name for task in tasks})
        numbers = _numbers(entry, dataset, names) if entry.known == "yes" else {}
        new = [name for name in dataset.classes if name not in numbers]
        numbers |= {name: len(names) + place for place, name in enumerate(new)}
        every = tuple(range(len(dataset.classes)))
        task = task_of_classes(dataset, every, data, 0, index=len(tasks), name=title, drawn=drawn)
        tasks.append(_numbered(task, [numbers[name] for name in dataset.classes]))
        names += [f"{title} {name}" if name in names else name for name in new]
    return replace(scenario, tasks=tuple(tasks), class_names=tuple(names), added=len(added))


def copies(scenario: Scenario, learned: int) -> Iterator[str]:
    """Yield a warning for each added task, still to be learned, that shares images with earlier tasks.

    This happens, for example, if the folder of an earlier task has grown and is added again.
    """
    if learned == len(scenario.tasks) or not scenario.added:
        return
    known: set[bytes] = set()
    for number, task in enumerate(scenario.tasks):
        images = [image for part in _parts(task) for image in part.prints()]
        again = sum(image in known for image in images)
        if again and number >= max(learned, len(scenario.planned)):
            yield f"{task.name}: {again:,} of its {len(images):,} images are in earlier tasks, too"
        known.update(images)


def _parts(task: Task) -> tuple[Split, Split, Split]:
    return task.train, task.validation, task.test


def _numbers(entry: Added, dataset: Dataset, names: Sequence[str]) -> dict[str, int]:
    """Map the data set's class names that the scenario has already to their numbers.

    Raises UsageError if there are none, or if several classes of the scenario share a name.
    """
    known = [name for name in dataset.classes if name in names]
    if not known:
        raise UsageError(
            f"{entry.data}: none of its classes ({_some(dataset.classes)}) is called as one that the run knows "
            f"({_some(names)}); name its sub-folders as these, or leave out --known to learn new classes"
        )
    if several := [name for name in known if names.count(name) > 1]:
        raise UsageError(f"{entry.data}: several classes of the run are called {several[0]}; leave out --known")
    return {name: names.index(name) for name in known}


def _numbered(task: Task, numbers: Sequence[int]) -> Task:
    """Return the task with its classes 0, 1, ... renumbered to ``numbers``."""
    table = torch.tensor(numbers)
    train, validation, test = (split.relabelled(table[split.labels]) for split in _parts(task))
    return replace(task, classes=tuple(numbers), train=train, validation=validation, test=test)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")


def _place(name: str) -> object:
    """Return a key that is equal for two names of the same data set or folder."""
    return place(name).resolve() if is_path(name) else absolute(name)


def _fitted(name: str, data: DataSettings, shape: tuple[int, int, int], load: LoadAs) -> Dataset:
    channels, height, width = shape
    square = height == width
    wanted = data.model_copy(update={"size": height if square else None, "channels": channels})
    dataset = load(name, wanted)
    if dataset.train.shape != shape:  # resizing makes only squares
        there = "x".join(map(str, dataset.train.shape))
        raise UsageError(
            f"{name}: its images are {there}, those of the run {channels}x{height}x{width} "
            "(channels, height, width); bring them to that size first: gencl makes only squares"
        )
    return dataset
