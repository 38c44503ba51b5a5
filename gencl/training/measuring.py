"""Measures, draws and writes a run's results when a task has been learned."""

from __future__ import annotations

from gencl.learners.capabilities import GENERATOR
from gencl.methods import returned
from gencl.methods.base import Context
from gencl.runs.state import give_back_memory
from gencl.training import zero_shot
from gencl.training.observers import Observer
from gencl.training.session import Session


class Measuring(Observer):
    """Fills a task's row of the matrices and, after the last task, takes the metrics that are measured only once."""

    def after_task(self, ctx: Context) -> None:
        session, state, evaluator = self.session, self.session.state, self.session.evaluator
        row, ends = ctx.task.index, ctx.task is session.episodes[-1]
        tasks = session.scenario.tasks[: row + 1]
        snapshot = evaluator.snapshot(tasks, final=ends)
        for name, values in evaluator.measure(snapshot).items():
            state.matrices[name][row][: row + 1] = values
        state.summary = evaluator.summary(state.matrices, snapshot if ends else None)
        state.summary |= zero_shot.figures(state, tasks)
        if GENERATOR.of(ctx.learner) is not None and ctx.processes.main:
            session.recorder.remember(tasks[-1], snapshot.sampled(tasks[-1]))
        state.evaluation = evaluator.evaluation(snapshot) if ends else {}
        if ends:
            once = {metric.name for metric in evaluator.final_metrics}
            state.summary |= {name: mean for name, mean in state.evaluation["mean"].items() if name in once}


class Drawing(Observer):
    """Draws samples, and stores the learner if the run has ``keep: tasks``."""

    def after_task(self, ctx: Context) -> None:
        if ctx.processes.main:
            self.session.recorder.picture(ctx.learner, ctx.task.index)
            self.session.recorder.keep(ctx.learner, ctx.task.index)
        ctx.processes.wait()


class Timed(Observer):
    """Counts the time that other observers take after a task as measuring."""

    def __init__(self, session: Session, *observers: Observer) -> None:
        super().__init__(session)
        self._observers = observers

    def after_task(self, ctx: Context) -> None:
        with self.session.stopwatch.timed("eval_seconds"):
            for observer in self._observers:
                observer.after_task(ctx)


class Files(Observer):
    """Writes metrics.json, including the task's cost and the capacity it has taken, and reports to a tracker."""

    def after_task(self, ctx: Context) -> None:
        session, state = self.session, self.session.state
        give_back_memory()
        state.cost.end_task(session.device)
        capacity = returned.capacity(session.method, ctx.learner)
        state.capacity += [capacity] if capacity else []
        if ctx.processes.main:
            session.recorder.write_metrics(state, ctx.learner, session.method, session.evaluator)
            session.recorder.track(state, ctx.task.index, session.evaluator.features())
