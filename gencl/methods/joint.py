"""Joint training: all tasks at once."""

from __future__ import annotations

from collections.abc import Sequence

from gencl.methods.base import Method
from gencl.scenarios.task import Task


class Joint(Method):
    """All tasks merged into one, learned with the steps of all: the upper end, which needs all data at once."""

    entrywise = True
    reference = True
    needs_images = True

    def episodes(self, tasks: Sequence[Task]) -> list[Task]:
        return [Task.merge(tuple(tasks))]
