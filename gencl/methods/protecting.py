"""Selection of the shared parameters that consolidation protects: those that ``method.protect`` matches."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from copy import deepcopy

from gencl.core.errors import UsageError
from gencl.learners.learner import Learner
from gencl.scenarios.task import Task


def protected(names: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Return the names that match any of the patterns, in order."""
    return [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]


def check_patterns(patterns: Sequence[str], learner: Learner, tasks: Sequence[Task]) -> None:
    """Raise UsageError if a pattern matches no shared parameter of a learner of these tasks."""
    names = list(learner.shared())
    idle = [pattern for pattern in patterns if not protected(names, [pattern])]
    if idle and tasks:  # a head that all tasks share is created with the first task
        grown = deepcopy(learner)
        grown.grow(tasks[0].classes, 0)
        names = list(grown.shared())
    for pattern in idle:
        if names and not protected(names, [pattern]):
            more = f" and {len(names) - 4} more" if len(names) > 4 else ""
            raise UsageError(
                f"method.protect: no shared parameter is called {pattern!r}; there are: {', '.join(names[:4])}{more}"
            )
