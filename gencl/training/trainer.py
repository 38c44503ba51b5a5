"""The one training loop: it serves every learner and every method and asks neither what it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from accelerate import Accelerator
from torch import Tensor

from gencl.core.errors import Interrupted
from gencl.core.interrupts import StopRequest, stop_on_signal
from gencl.core.progress import Mode, Reporter
from gencl.core.randomness import deterministic
from gencl.core.settings import Settings
from gencl.learners.learner import Learner
from gencl.methods.base import Context, Method
from gencl.metrics.evaluator import Evaluator
from gencl.runs.recorder import Recorder
from gencl.scenarios.task import Scenario
from gencl.training.acceleration import Acceleration
from gencl.training.divergence import check_losses
from gencl.training.measuring import Drawing, Files, Measuring, Timed
from gencl.training.observers import Checkpoints, Finite, Log, Moment, Observer, Progress
from gencl.training.session import Session
from gencl.training.steps import Steps


class Trainer(Session):
    """Learns the tasks of a scenario one after another while observers look on, and leaves a run directory."""

    def __init__(
        self,
        settings: Settings,
        scenario: Scenario,
        learner: Learner,
        method: Method,
        evaluator: Evaluator,
        recorder: Recorder,
        accelerator: Accelerator,
    ) -> None:
        super().__init__(settings, scenario, learner, method, evaluator, recorder, accelerator)
        self._acceleration = Acceleration(learner)
        last = self.episodes[-1].index
        self.measuring = Measuring(evaluator, recorder, lambda: self.state, scenario, last)
        self.observers: list[Observer] = [
            Finite(recorder),
            *([Log(recorder, lambda: self.state)] if self.processes.main else []),
            Timed(self.stopwatch, self.measuring, Drawing(recorder, self.processes)),
            Files(recorder, evaluator, lambda: self.state, method),
        ]
        self._checkpoints = Checkpoints(self.save)

    def fit(self, mode: Mode = "auto") -> None:
        """Learns what is left to learn. Raises Interrupted when asked to stop, GenclError when a loss is not finite."""
        total = sum(self.steps_of(task) for task in self.episodes)
        shown = Reporter(total, self.state.cost.steps, mode if self.processes.main else "silent")
        with stop_on_signal() as stop, deterministic(self.device), shown as reporter:
            progress = Progress(reporter, lambda: self.state, self.processes)
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
                            self._stage(ctx, end, progress, stop)
                        self.leave_stage()
                reporter.doing(f"task {ctx.task.name}: measuring")
                self.conclude(ctx)
                self.after_task(ctx, progress)
                if self.state.episode < len(self.episodes) and self.processes.any(bool(stop), self.device):
                    self.stop(stop)

    def _stage(self, ctx: Context, end: int, progress: Observer, stop: StopRequest) -> None:
        """The steps of a stage."""
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
        """Counts a step, which the observers then look at: a checkpoint comes after what it must hold."""
        self.state.step += 1
        self.state.cost.steps += 1
        step = self.state.step
        logs, saves = step % ctx.train.log_every == 0 or step == end, self.checkpoint_due(ctx, step, stopping)
        moment = Moment(ctx, losses, logs, saves, stopping)
        for observer in (*self.observers, self._checkpoints, *others):
            observer.after_step(moment)
        return moment

    def after_task(self, ctx: Context, *others: Observer) -> None:
        """Lets the observers look at a task that was learned."""
        for observer in (*self.observers, *others, self._checkpoints):
            observer.after_task(ctx)

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
        """metrics.json and the trained model, once all is learned (again, where a killed run had come that far)."""
        self.recorder.write_metrics(self.state, self.learner, self.method, self.evaluator)
        self.recorder.write_model(self.learner)

    def stop(self, stop: StopRequest, go_on: str = "") -> NoReturn:
        """Raises Interrupted, which says how to go on."""
        where = f"task {self.state.episode + 1}, step {self.state.step}"
        go_on = go_on or f"go on with: {self.recorder.resume_command}"
        raise Interrupted(f"stopped at {where}, with a checkpoint; {go_on}", stop.signal or 15)
