"""What is measured, drawn and written when a task has been learned."""

from __future__ import annotations

from collections.abc import Callable

from gencl.core.processes import Processes
from gencl.learners.capabilities import GENERATOR
from gencl.methods.base import Context, Method
from gencl.metrics.evaluator import Evaluator
from gencl.runs.recorder import Recorder
from gencl.runs.state import State, give_back_memory
from gencl.scenarios.task import Scenario
from gencl.training import zero_shot
from gencl.training.observers import Observer
from gencl.training.stopwatch import Stopwatch


class Measuring(Observer):
    """Fills the matrices' row of a task, and at the end the figures that are taken once."""

    def __init__(
        self, evaluator: Evaluator, recorder: Recorder, state: Callable[[], State], scenario: Scenario, last: int
    ) -> None:
        """``last``: the place of the last task that will be measured."""
        self._evaluator, self._recorder, self._state = evaluator, recorder, state
        self._scenario, self._last = scenario, last

    def after_task(self, ctx: Context) -> None:
        state, evaluator = self._state(), self._evaluator
        row, ends = ctx.task.index, ctx.task.index == self._last
        tasks = self._scenario.tasks[: row + 1]
        snapshot = evaluator.snapshot(tasks, final=ends)
        for name, values in evaluator.measure(snapshot).items():
            state.matrices[name][row][: row + 1] = values
        state.summary = evaluator.summary(state.matrices, snapshot if ends else None)
        state.summary |= zero_shot.figures(state, len(tasks))
        if GENERATOR.of(ctx.learner) is not None and ctx.processes.main:
            self._recorder.remember(tasks[-1], snapshot.sampled(tasks[-1]))
        state.evaluation = evaluator.evaluation(snapshot) if ends else {}
        if ends:
            once = {metric.name for metric in evaluator.final_metrics}
            state.summary |= {name: mean for name, mean in state.evaluation["mean"].items() if name in once}


class Drawing(Observer):
    """Draws samples, and keeps the learner where a run asks for it."""

    def __init__(self, recorder: Recorder, processes: Processes) -> None:
        self._recorder, self._processes = recorder, processes

    def after_task(self, ctx: Context) -> None:
        if self._processes.main:
            self._recorder.picture(ctx.learner, ctx.task.index)
            self._recorder.keep(ctx.learner, ctx.task.index)
        self._processes.wait()


class Timed(Observer):
    """Counts as measuring what others do after a task."""

    def __init__(self, stopwatch: Stopwatch, *observers: Observer) -> None:
        self._stopwatch, self._observers = stopwatch, observers

    def after_task(self, ctx: Context) -> None:
        with self._stopwatch.timed("eval_seconds"):
            for observer in self._observers:
                observer.after_task(ctx)


class Files(Observer):
    """Writes metrics.json, with what the task has cost and taken, and tells a tracker."""

    def __init__(self, recorder: Recorder, evaluator: Evaluator, state: Callable[[], State], method: Method) -> None:
        self._recorder, self._evaluator, self._state, self._method = recorder, evaluator, state, method

    def after_task(self, ctx: Context) -> None:
        state = self._state()
        give_back_memory()
        state.cost.end_task(ctx.learner.position.device)
        capacity = self._method.capacity(ctx.learner)
        state.capacity += [capacity] if capacity else []
        if ctx.processes.main:
            self._recorder.write_metrics(state, ctx.learner, self._method, self._evaluator)
            self._recorder.track(state, ctx.task.index)
