"""Which methods can serve a learner, and the message that explains why one cannot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from gencl.core.errors import UsageError
from gencl.core.registry import parts_of
from gencl.learners.capabilities import Capability
from gencl.learners.learner import Learner
from gencl.methods import METHODS, SERVES
from gencl.scenarios.task import Task

if TYPE_CHECKING:
    from gencl.methods.base import Method


def refusal(method: Method, missing: Capability[Any] | None, learner: Learner, tasks: Sequence[Task]) -> str:
    """Return the message that says why a method cannot serve a learner, and which ones can serve it and these tasks.

    ``missing`` is the capability that the learner lacks, or None if it lacks the scalar that the method measures.
    """
    able = [key for key in METHODS if _serves(METHODS.get(key), learner, tasks)]
    kind, scalars = type(learner).__name__, ", ".join(sorted(learner.scalar_kinds))
    served = SERVES.get(missing.word, f"learners with {missing.word}") if missing else ""
    why = f"serves {served}" if missing else f"measures {method.measures}, and that has {scalars or 'none'}"
    return f"method {_name(method)} cannot serve {kind}: it {why}; these can: {', '.join(able)}"


def _name(method: Method) -> str:
    return next((key for key in METHODS if METHODS.get(key) is type(method)), type(method).__name__.lower())


def _serves(method: type[Method], learner: Learner, tasks: Sequence[Task]) -> bool:
    measured = method.measures is None or method.measures in learner.scalar_kinds
    shown = not method.needs_images or all(task.stored for task in tasks)
    return measured and shown and all(need.of(learner) is not None for need in method.needs)


def check_stored(method: Method, tasks: Sequence[Task]) -> None:
    """Raise UsageError if a task has no training images, for a method that needs those of all tasks."""
    without = next((task.name for task in tasks if not task.stored), None)
    if without is not None:
        raise UsageError(
            f"method {_name(method)} needs the training images of all tasks, and {without} has none: its batches are "
            "made during training"
        )


def is_reference(name: str) -> bool:
    """Return whether any of the methods that a name joins by ``+`` is a bound, which does not compete with others."""
    return any(part in METHODS and METHODS.get(part).reference for part in parts_of(name))


def references() -> list[str]:
    """Return the names of the methods that are bounds."""
    return [name for name in METHODS if METHODS.get(name).reference]


def default_baseline(names: Iterable[str]) -> str | None:
    """Return the plain training method among ``names``, or None.

    Of several, return the one that needs most of the learner: one head per task before one head for all.
    """
    plain = [name for name in names if name in METHODS and METHODS.get(name).baseline]
    return max(plain, key=lambda name: len(METHODS.get(name).needs), default=None)
