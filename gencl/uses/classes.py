"""Resolve classes that are given by number or by name."""

from __future__ import annotations

from collections.abc import Sequence

from gencl.core import several
from gencl.core.errors import UsageError
from gencl.core.registry import did_you_mean
from gencl.core.several import Classes
from gencl.learners.generative import GenerativeLearner

_MOST = 20
"""The maximal number of classes that a message lists."""


def classes_of(learner: GenerativeLearner, task: int) -> tuple[int, ...]:
    """Return the classes of a task (1 for the first). Raises UsageError if it was not learned."""
    if not 1 <= task <= len(learner.tasks):
        raise UsageError(f"--task {task}: the run learned tasks 1 to {len(learner.tasks)}")
    return learner.tasks[task - 1]


def check_one(task: int | None, classes: Classes | None) -> None:
    """Raise UsageError if both are given."""
    if task is not None and classes is not None:
        raise UsageError("--task and --classes exclude each other")


def class_numbers(learner: GenerativeLearner, names: Sequence[str], classes: Classes | None) -> list[int]:
    """Return the numbers of classes given by number or name, in the order given. None gives [].

    A text is a name if exactly one class has it, else a number if such a class was learned. Else it stands for all
    classes with this name, with or without regard to case. The members of a range are all names or all numbers.

    Args:
        names: the names of the run's classes, by number.

    Raises UsageError for classes that were not learned (it lists those that were), and if a text names one twice.
    """
    learned = {number: names[number] for number in sorted(learner.classes)}
    numbers: list[int] = []
    for wanted in [] if classes is None else several.classes(classes):
        if isinstance(wanted, tuple):  # a range of names or, if not all are names, of numbers
            of_names = all([*learned.values()].count(one) == 1 for one in wanted)
            numbers += [n for one in wanted for n in _found(one if of_names else int(one), learned)]
        else:
            numbers += _found(wanted, learned)
    if isinstance(classes, str) and len(set(numbers)) < len(numbers):
        raise UsageError(f"--classes: {classes!r} names a class twice")
    return numbers


def _found(wanted: int | str, learned: dict[int, str]) -> list[int]:
    number = int(wanted) if str(wanted).isdecimal() else -1
    found = [number] if wanted in learned else [n for n, name in learned.items() if name == wanted]
    found = [number] if len(found) != 1 and number in learned else found
    found = found or [n for n, name in learned.items() if name.lower() == str(wanted).lower()]
    if not found:
        named = isinstance(wanted, str) and not wanted.isdecimal()
        near = did_you_mean(str(wanted), learned.values()) if named else ""
        near = near if near.endswith("?") else ""
        raise UsageError(f"--classes: {wanted} was not learned{near}; the run knows {_listed(learned)}")
    return found


def _listed(learned: dict[int, str]) -> str:
    shown = [str(number) if name == str(number) else f"{number} ({name})" for number, name in learned.items()]
    return ", ".join(shown[:_MOST]) + (f", ... ({len(shown)} classes)" if len(shown) > _MOST else "")
