"""The one training loop: it serves every learner and every method and asks neither what it is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from typing import NoReturn

from torch import Tensor

from gencl.core.errors import Interrupted
from gencl.core.interrupts import StopRequest, stop_on_signal
from gencl.core.progress import Mode, Reporter
from gencl.core.randomness import deterministic
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
    """Learns the tasks of a session one after another while observers look on, and leaves a run directory."""

    def __init__(self, session: Session) -> None:
        self.session = session
        measuring = Timed(session, Measuring(session), Drawing(session))
        self.observers: list[Observer] = [Finite(session), Log(session), measuring, Files(session)]
        """Those who look on, in order. A checkpoint follows them: it must hold what they note."""

    @cached_property
    def _acceleration(self) -> Acceleration:
        """One for all stages: it keeps compiled networks."""
        return Acceleration(self.session.learner)

    def fit(self, mode: Mode = "auto") -> None:
        """Learns what is left to learn. Raises Interrupted when asked to stop, GenclError when a loss is not finite."""
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
                self.after_task(ctx, *onlookers)
                if state.episode < len(session.episodes) and session.processes.any(bool(stop), session.device):
                    self.stop(stop)

    def _train_stage(self, ctx: Context, end: int, stop: StopRequest, *others: Observer) -> None:
        """Takes the steps of a stage."""
        session, state = self.session, self.session.state
        steps = steps_of(session, self._acceleration)
        while state.step < end and not patience.over(ctx, state):
            rate = session.rate(ctx)
            stopping = steps.take(ctx, session.batch(ctx), rate, bool(stop))
            over = patience.count(ctx, state, steps.losses, session.phases)
            self.after_step(ctx, steps.losses, state.step + 1 if over else end, stopping, *others)
            if stopping and state.step < ctx.steps:
                self.stop(stop)
        state.step = end  # what is left of a stage whose loss no longer falls is left out

    def after_step(
        self, ctx: Context, losses: Mapping[str, Tensor], end: int, stopping: bool, *others: Observer
    ) -> Moment:
        """Counts a step, lets the observers look at it, and writes a checkpoint where it is due."""
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
        """Lets the observers look at a task that was learned, and writes a checkpoint."""
        for observer in (*self.observers, *others):
            observer.after_task(ctx)
        self.session.save()

    def stop(self, stop: StopRequest, go_on: str = "") -> NoReturn:
        """Raises Interrupted, which says how to go on."""
        session, state = self.session, self.session.state
        steps = session.steps_of(session.episodes[state.episode])
        where = f"task {state.episode + 1}, step {state.step} of {steps}"
        saved = f"checkpoint/{session.recorder.checkpoint_name(state)}"
        go_on = go_on or f"go on with: {session.recorder.resume_command}"
        raise Interrupted(f"stopped at {where}, saved as {saved}; {go_on}", stop.signal or 15)


def checkpoint_due(ctx: Context, step: int, stopping: bool) -> bool:
    """Whether there is a checkpoint when so many steps of the task are taken; its end has one anyway."""
    return (stopping or step % ctx.train.checkpoint_every == 0) and step < ctx.steps


def steps_of(session: Session, acceleration: Acceleration) -> Steps:
    """Return what takes the steps of the stage that a session has entered."""
    return Steps(
        session.learner,
        session.method,
        session.phases,
        session.optimizers,
        session.average,
        session.processes,
        session.random,
        acceleration,
        # elsewhere reading a loss waits for the device
        partial(check_losses, session.recorder) if session.device.type == "cpu" else None,
    )
