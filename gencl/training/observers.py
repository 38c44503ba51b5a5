"""Observers of a run: they write, show and measure, and do not affect training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

from torch import Tensor

from gencl.core.progress import Reporter
from gencl.methods.base import Context
from gencl.metrics.figures import is_pooled, label, with_unit
from gencl.training.divergence import check_losses, check_parameters
from gencl.training.session import Session


@dataclass(frozen=True)
class Moment:
    """A step that was just taken: the latest loss of each phase, and whether to log or save now.

    Reading a loss from a GPU waits for it, so observers should do so only if the step is ``due``.
    """

    ctx: Context
    losses: Mapping[str, Tensor]
    logs: bool
    saves: bool
    stopping: bool

    @property
    def due(self) -> bool:
        return self.logs or self.saves or self.stopping

    @cached_property
    def values(self) -> dict[str, float]:
        return {name: round(float(loss), 6) for name, loss in self.losses.items()}


class Observer:
    """Is called after each step and after each learned task; by default it does nothing."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def after_step(self, moment: Moment) -> None:
        """Called after a step was taken and counted."""

    def after_task(self, ctx: Context) -> None:
        """Called on all processes after a task was learned and counted."""


class Finite(Observer):
    """Stops a run that diverges before any of it is stored."""

    def after_step(self, moment: Moment) -> None:
        if moment.due:
            check_losses(self.session.recorder, moment.ctx, moment.losses)
            check_parameters(self.session.recorder, moment.ctx)


class Log(Observer):
    """Writes log.jsonl; with ``evaluate.within`` each line includes the metrics of the tasks so far."""

    def after_step(self, moment: Moment) -> None:
        if not moment.logs:
            return
        ctx, state = moment.ctx, self.session.state
        measured: dict[str, Any] = {}
        if self.session.settings.evaluate.within == "yes":
            shared = ctx.learner.shared().values()
            nonzero = sum(int(parameter.count_nonzero()) for parameter in shared)
            measured = {"measured": self._measured(ctx), "shared_nonzero": nonzero, "stage_number": state.stage}
        if ctx.processes.main:
            where = {"task": ctx.task.name, "stage": ctx.stage.name, "step": state.step}
            entry = {**where, "lr": ctx.lr, "loss": moment.values, **measured}
            state.log_bytes = self.session.recorder.log(entry, state.log_bytes, state.cost.steps)

    def _measured(self, ctx: Context) -> dict[str, list[float | None]]:
        """Return each metric's values on the tasks up to the present one. All processes must take part."""
        evaluator, tasks = self.session.evaluator, self.session.scenario.tasks[: ctx.task.index + 1]
        with self.session.stopwatch.timed("eval_seconds"):
            return evaluator.measure(evaluator.snapshot(tasks))


class Progress(Observer):
    """Shows the progress of a run, and each task's measures when it has been learned."""

    def __init__(self, session: Session, reporter: Reporter) -> None:
        super().__init__(session)
        self._reporter, self._shown = reporter, session.state.cost.steps

    def after_step(self, moment: Moment) -> None:
        if moment.due:
            steps = self.session.state.cost.steps
            self._reporter.advance(steps - self._shown, moment.values)
            self._shown = steps

    def after_task(self, ctx: Context) -> None:
        row, matrices = ctx.task.index, self.session.state.matrices
        if ctx.processes.main:
            measured = {name: matrix[row][: row + 1] for name, matrix in matrices.items()}
            self._reporter.say(_line(ctx.task.name, measured, self.session.evaluator.features()))


def _line(task: str, measured: Mapping[str, Sequence[float | None]], features: Mapping[str, Any] | None) -> str:
    """Return the line shown after a task. A pooled metric covers all tasks at once, so its last value replaces the
    mean."""
    means: list[str] = []
    together: list[str] = []
    for name, values in measured.items():
        if found := [value for value in values if value is not None]:
            pooled = is_pooled(name, features)
            text = f"{label(name, features)} {with_unit(name, found[-1] if pooled else fmean(found))}"
            (together if pooled else means).append(text)
    heads = (("mean over tasks so far", means), ("over all tasks so far", together))
    return "; ".join([f"task {task} learned", *(f"{head}: {', '.join(texts)}" for head, texts in heads if texts)])
