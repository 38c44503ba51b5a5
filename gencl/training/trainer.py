"""The one training loop. It serves every learner and every method, whatever their kind."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from typing import NoReturn

from torch import Tensor

from gencl.core.errors import Interrupted
from gencl.core.interrupts import StopRequest, stop_on_signal
from gencl.core.progress import Mode, Reporter
from gencl.core.randomness import deterministic
from gencl.methods import returned
from gencl.methods.base import Context
from gencl.training import patience
from gencl.training.acceleration import Acceleration
from gencl.training.divergence import check_losses
from gencl.training.forecast import Forecast
from gencl.training.measuring import Drawing, Files, Measuring, Timed
from gencl.training.observers import Finite, Log, Moment, Observer, Progress
from gencl.training.session import Session
from gencl.training.steps import Steps


class Trainer:
    """Learns the tasks of a session one after another, calls observers, and leaves a run directory."""

    def __init__(self, session: Session) -> None:
        self.session = session
        measuring = Timed(session, Measuring(session), Drawing(session))
        self.observers: list[Observer] = [Finite(session), Log(session), measuring, Files(session)]
        """Called in this order. A checkpoint is written after them, because it must hold what they record."""

    @cached_property
    def _acceleration(self) -> Acceleration:
        """One for all stages, because it keeps the compiled networks."""
        return Acceleration(self.session.learner)

    def fit(self, mode: Mode = "auto") -> None:
        """Learn the remaining tasks. Raises Interrupted if asked to stop, GenclError if training diverges."""
        session, state = self.session, self.session.state
        total = sum(session.steps_of(task) for task in session.episodes)
        shown = Reporter(total, state.cost.steps, mode if session.processes.main else "silent")
        with stop_on_signal() as stop, deterministic(session.device), shown as reporter:
            onlookers = [Progress(session, reporter), Forecast(session, reporter)]
            while state.episode < len(session.episodes):
                ctx = session.context(session.episodes[state.episode])
                resumed = state.within_task
                if not resumed:
                    session.begin(ctx)
                session.open_source(ctx, resumed)
                for number, (stage, end) in enumerate(session.stages(ctx)):
                    if number >= state.stage:
                        reporter.doing(f"task {ctx.task.name}: {stage}")
                        session.enter(ctx, number, stage, resumed)
                        resumed = False
                        with session.stopwatch.timed("train_seconds"):
                            self._train_stage(ctx, end, stop, *onlookers)
                        session.leave_stage()
                reporter.doing(f"task {ctx.task.name}: measuring")
                session.conclude(ctx)
                for line in returned.unstored(session.method) if ctx.task.index == 0 else ():
                    reporter.say(line)
                self.after_task(ctx, *onlookers)
                if state.episode < len(session.episodes) and session.processes.any(bool(stop), session.device):
                    self.stop(stop)

    def _train_stage(self, ctx: Context, end: int, stop: StopRequest, *others: Observer) -> None:
        """Take the steps of a stage, up to step ``end`` of the task."""
        session, state = self.session, self.session.state
        steps = steps_of(session, self._acceleration)
        while state.step < end and not patience.over(ctx, state):
            rate = session.rate(ctx)
            stopping = steps.take(ctx, session.batch(ctx), rate, bool(stop))
            over = patience.count(ctx, state, steps.losses, session.phases)
            self.after_step(ctx, steps.losses, state.step + 1 if over else end, stopping, *others)
            if stopping and state.step < ctx.steps:
                self.stop(stop)
        state.step = end  # skips the rest of a stage that train.patience has ended

    def after_step(
        self, ctx: Context, losses: Mapping[str, Tensor], end: int, stopping: bool, *others: Observer
    ) -> Moment:
        """Count a step, call the observers, and write a checkpoint if it is due. Returns the step's `Moment`."""
        state = self.session.state
        state.step += 1
        state.cost.steps += 1
        logs = state.step % ctx.train.log_every == 0 or state.step == end
        saves = checkpoint_due(ctx, state.step, stopping)
        moment = Moment(ctx, losses, logs, saves, stopping)
        for observer in self.observers:
            observer.after_step(moment)
        if moment.saves:
            self.session.save()
        for observer in others:
            observer.after_step(moment)
        return moment

    def after_task(self, ctx: Context, *others: Observer) -> None:
        """Call the observers after a task was learned, and write a checkpoint."""
        for observer in (*self.observers, *others):
            observer.after_task(ctx)
        self.session.save()

    def stop(self, stop: StopRequest, go_on: str = "") -> NoReturn:
        """Raise Interrupted with a message that says how to resume."""
        session, state = self.session, self.session.state
        steps = session.steps_of(session.episodes[state.episode])
        where = f"task {state.episode + 1}, step {state.step} of {steps}"
        saved = f"checkpoint/{session.recorder.checkpoint_name(state)}"
        go_on = go_on or f"go on with: {session.recorder.resume_command}"
        raise Interrupted(f"stopped at {where}, saved as {saved}; {go_on}", stop.signal or 15)


def checkpoint_due(ctx: Context, step: int, stopping: bool) -> bool:
    """Return whether to write a checkpoint after ``step`` steps of the task. The end of a task always writes one."""
    return (stopping or step % ctx.train.checkpoint_every == 0) and step < ctx.steps


def steps_of(session: Session, acceleration: Acceleration) -> Steps:
    """Return the `Steps` of the stage that a session has entered."""
    return Steps(
        session.learner,
        session.method,
        session.phases,
        session.optimizers,
        session.average,
        session.processes,
        session.random,
        acceleration,
        # on other devices, reading a loss would wait for the device
        partial(check_losses, session.recorder) if session.device.type == "cpu" else None,
    )
