"""Zero-shot forward transfer: the score on a task before it is learned (Lopez-Paz & Ranzato 2017)."""

from __future__ import annotations

from collections.abc import Sequence

from gencl.core.settings import Settings
from gencl.learners.learner import Learner
from gencl.metrics import transfer
from gencl.metrics.evaluator import Evaluator
from gencl.runs.build import grown
from gencl.runs.state import State
from gencl.scenarios.task import Scenario, Task


def measure(state: State, evaluator: Evaluator, settings: Settings, scenario: Scenario) -> None:
    """Record the scores of the learner and of an untrained one on the task at ``state.episode``.

    The learner has just grown for the task. A task that was learned before is skipped.
    """
    if scenario.tasks[state.episode].again is not None:
        return

    def untrained() -> Learner:
        device = evaluator.learner.position.device
        return grown(settings, scenario.tasks[: state.episode + 1], scenario.image_shape, device)

    for name, scores in evaluator.ahead(scenario.tasks[state.episode], untrained).items():
        state.ahead.setdefault(name, []).append(scores)


def figures(state: State, tasks: Sequence[Task]) -> dict[str, float]:
    """Return the zero-shot transfer of the tasks so far, by figure.

    A figure is included only if it was measured before each new task but the first.
    """
    later = sum(task.again is None for task in tasks) - 1
    transfers = {name: transfer.zero_shot(scores) for name, scores in state.ahead.items() if len(scores) == later}
    return {name: value for name, value in transfers.items() if value is not None}
