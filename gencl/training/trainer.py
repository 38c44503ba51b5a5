"""The one training loop: it serves every learner and every method and asks neither what it is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import NoReturn

from torch import Tensor

from gencl.core.errors import Interrupted
from gencl.core.interrupts import StopRequest, stop_on_signal
from gencl.core.progress import Mode, Reporter
from gencl.core.randomness import deterministic
from gencl.methods.base import Context
from gencl.training.acceleration import Acceleration
from gencl.training.divergence import check_losses
from gencl.training.measuring import Drawing, Files, Measuring, Timed
from gencl.training.observers import Finite, Log, Moment, Observer, Progress
from gencl.training.session import Session
from gencl.training.steps import Steps


class Trainer(Session):
    """Learns the tasks of a scenario one after another while observers look on, and leaves a run directory."""

    @cached_property
    def observers(self) -> list[Observer]:
        """Those who look on, in order. A checkpoint follows them: it must hold what they note."""
        log = [Log(self)] if self.processes.main else []
        return [Finite(self), *log, Timed(self, Measuring(self), Drawing(self)), Files(self)]

    @cached_property
    def _acceleration(self) -> Acceleration:
        """One for all stages: it keeps compiled networks."""
        return Acceleration(self.learner)

    def fit(self, mode: Mode = "auto") -> None:
        """Learns what is left to learn. Raises Interrupted when asked to stop, GenclError when a loss is not finite."""
        total = sum(self.steps_of(task) for task in self.episodes)
        shown = Reporter(total, self.state.cost.steps, mode if self.processes.main else "silent")
        with stop_on_signal() as stop, deterministic(self.device), shown as reporter:
            progress = Progress(self, reporter)
            while self.state.episode < len(self.episodes):
                ctx = self.context(self.episodes[self.state.episode])
                resumed = self.state.within_task
                if not resumed:
                    self.begin(ctx)
                self.open_source(ctx, resumed)
                for number, (stage, start, end) in enumerate(self.stages(ctx)):
                    if number >= self.state.stage:
                        reporter.doing(f"task {ctx.task.name}: {stage}")
                        self.enter(ctx, number, stage, end - start, resumed)
                        resumed = False
                        with self.stopwatch.timed("train_seconds"):
                            self._train_stage(ctx, end, progress, stop)
                        self.leave_stage()
                reporter.doing(f"task {ctx.task.name}: measuring")
                self.conclude(ctx)
                self.after_task(ctx, progress)
                if self.state.episode < len(self.episodes) and self.processes.any(bool(stop), self.device):
                    self.stop(stop)

    def _train_stage(self, ctx: Context, end: int, progress: Observer, stop: StopRequest) -> None:
        """Takes the steps of a stage."""
        steps = Steps(
            self.learner,
            self.method,
            self.phases,
            self.optimizers,
            self.average,
            self.processes,
            self.random,
            self._acceleration,
            self.check_finite if self.device.type == "cpu" else None,  # elsewhere reading a loss waits for the device
        )
        while self.state.step < end:
            rate = self.rate(ctx)
            stopping = steps.take(ctx, self.batch(ctx), rate, bool(stop))
            self.after_step(ctx, steps.losses, end, stopping, progress)
            if stopping and self.state.step < ctx.steps:
                self.stop(stop)

    def after_step(
        self, ctx: Context, losses: Mapping[str, Tensor], end: int, stopping: bool, *others: Observer
    ) -> Moment:
        """Counts a step, lets the observers look at it, and writes a checkpoint where it is due."""
        self.state.step += 1
        self.state.cost.steps += 1
        step = self.state.step
        logs, saves = step % ctx.train.log_every == 0 or step == end, self.checkpoint_due(ctx, step, stopping)
        moment = Moment(ctx, losses, logs, saves, stopping)
        for observer in self.observers:
            observer.after_step(moment)
        if moment.saves:
            self.save()
        for observer in others:
            observer.after_step(moment)
        return moment

    def after_task(self, ctx: Context, *others: Observer) -> None:
        """Lets the observers look at a task that was learned, and writes a checkpoint."""
        for observer in (*self.observers, *others):
            observer.after_task(ctx)
        self.save()

    def checkpoint_due(self, ctx: Context, step: int, stopping: bool) -> bool:
        """Whether there is a checkpoint when so many steps of the task are taken; its end has one anyway."""
        return (stopping or step % ctx.train.checkpoint_every == 0) and step < ctx.steps

    def check_finite(self, ctx: Context, losses: Mapping[str, Tensor]) -> None:
        """Raises GenclError unless the loss of every phase is finite."""
        check_losses(self.recorder, ctx, losses)

    def save(self) -> None:
        """Writes a checkpoint."""
        self.stopwatch.count()
        self.state.cost.note_memory(self.device)
        if self.processes.main:
            self.recorder.checkpoint(self.state, self.tensors())

    def write_results(self) -> None:
        """Writes metrics.json and the trained model, once all is learned. A resumed run may write them again."""
        self.recorder.write_metrics(self.state, self.learner, self.method, self.evaluator)
        self.recorder.write_model(self.learner)

    def stop(self, stop: StopRequest, go_on: str = "") -> NoReturn:
        """Raises Interrupted, which says how to go on."""
        where = f"task {self.state.episode + 1}, step {self.state.step}"
        go_on = go_on or f"go on with: {self.recorder.resume_command}"
        raise Interrupted(f"stopped at {where}, with a checkpoint; {go_on}", stop.signal or 15)
