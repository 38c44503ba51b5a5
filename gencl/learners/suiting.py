"""The check that a learner can learn the tasks of a run."""

from __future__ import annotations

from collections.abc import Sequence

from gencl.core.errors import UsageError
from gencl.learners.capabilities import PLAYER
from gencl.learners.learner import Learner
from gencl.scenarios.play import games_of
from gencl.scenarios.task import Task


def check(learner: Learner, tasks: Sequence[Task]) -> None:
    """Raise UsageError if the learner cannot learn these tasks; called before anything is written."""
    played = next((task.name for task in tasks if games_of(task)), None)
    if played is not None and PLAYER.of(learner) is None:
        raise UsageError(f"{type(learner).__name__} cannot play games, and task {played} is one; use model.name=dqn")
    learner.check(tasks)
