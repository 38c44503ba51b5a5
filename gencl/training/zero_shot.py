"""What a task is worth before it is learned: zero-shot forward transfer (Lopez-Paz & Ranzato 2017)."""

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
    """Keeps the scores of the learner, and of one that never trained, on the task at ``state.episode``, for which the
    learner has just grown; not where it was learned before."""
    if scenario.tasks[state.episode].again is not None:
        return

    def untrained() -> Learner:
        device = evaluator.learner.position.device
        return grown(settings, scenario.tasks[: state.episode + 1], scenario.image_shape, device)

    for name, scores in evaluator.ahead(scenario.tasks[state.episode], untrained).items():
        state.ahead.setdefault(name, []).append(scores)


def figures(state: State, tasks: Sequence[Task]) -> dict[str, float]:
    """The figures of the first tasks, of metrics that were measured before each of them but the first."""
    later = sum(task.again is None for task in tasks) - 1
    transfers = {name: transfer.zero_shot(scores) for name, scores in state.ahead.items() if len(scores) == later}
    return {name: value for name, value in transfers.items() if value is not None}
