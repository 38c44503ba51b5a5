"""The one training loop: it serves every learner and every method and asks neither what it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import NoReturn

from accelerate import Accelerator
from torch import Tensor
from torch.optim import Optimizer

from gencl.core.errors import Interrupted
from gencl.core.interrupts import StopRequest, stop_on_signal
from gencl.core.processes import Processes
from gencl.core.progress import Mode, Reporter
from gencl.core.randomness import RandomSource, deterministic
from gencl.core.settings import Settings, TrainSettings
from gencl.learners.learner import Learner, Phase
from gencl.methods.base import Context, Method, Stage, under, within
from gencl.metrics.evaluator import Evaluator
from gencl.metrics.transfer import empty_matrix, widened
from gencl.runs import learned_images
from gencl.runs.build import grow
from gencl.runs.recorder import Recorder
from gencl.runs.state import State, give_back_memory, optimizer_tensors, restore_optimizers
from gencl.scenarios.batch import Batch
from gencl.scenarios.source import Source
from gencl.scenarios.task import Scenario, Task
from gencl.training import schedule, zero_shot
from gencl.training.acceleration import Acceleration
from gencl.training.averaging import Average
from gencl.training.divergence import check_losses, check_parameters
from gencl.training.optimizers import make_optimizer
from gencl.training.steps import Steps


class Trainer:
    """Learns the tasks of a scenario one after another, measures after each, and leaves a run directory.

    Everything random comes from ``settings.seed``: initial values by name, the order of samples by task and epoch, the
    rest from one source whose state is in the checkpoint. Batches are global: each process takes its rows.
    """

    clock: Callable[[], float] = staticmethod(time.perf_counter)  # benchmarks beside other work count CPU time

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
        self.settings, self.scenario, self.learner, self.method = settings, scenario, learner, method
        self.evaluator, self.recorder = evaluator, recorder
        self._processes = Processes(accelerator)
        self._timing: tuple[str, float] | None = None
        self.device = learner.position.device
        self.random = RandomSource(
            settings.seed, "training", device=self.device, rank=self._processes.rank, world=self._processes.world
        )
        self.episodes = method.episodes(scenario.tasks)
        self._train = settings.train_of(len(scenario.tasks))
        self.phases: list[Phase] = []
        self.optimizers: list[Optimizer] = []
        self.average = Average(learner, (), 0, 0)
        self._source: Source | None = None
        self._acceleration = Acceleration(learner)
        learner.passes.watch(learner.networks())
        evaluator.remembers(learned_images.of_run(recorder.folder))
        self.state = State(matrices={m.name: empty_matrix(len(scenario.tasks)) for m in evaluator.metrics})

    def steps_of(self, task: Task) -> int:
        """The optimiser steps of a task; a merged one has those of all its parts, so that totals are equal."""
        return sum(schedule.steps(self._train[part.index], len(part.train), part.index) for part in task.parts)

    def restore(self, state: State, tensors: Mapping[str, Tensor]) -> None:
        """Goes back to a checkpoint, which may be of fewer tasks: the others follow."""
        n = len(self.scenario.tasks)
        state.matrices = {m.name: widened(state.matrices.get(m.name, []), n) for m in self.evaluator.metrics}
        state.origin = self.recorder.origin()
        self.state = state
        for task in self.episodes[: state.episode + state.within_task]:
            self._grow(task)
        named = dict(tensors)
        self.learner.load_state_dict(within("learner", named))
        self.method.load_state_dict(within("method", named), self.learner)
        self.random.restore(named["random"].cpu())
        self.recorder.restore(within("recorder", named))
        self._stored_optimizers = within("optimizer", named)
        self._stored_average = within("average", named)
        self._stored_source = within("source", named)

    def tensors(self) -> dict[str, Tensor]:
        """All tensors of a checkpoint."""
        return {
            **under("learner", self.learner.state_dict()),
            **under("method", self.method.state_dict()),
            **under("optimizer", optimizer_tensors(self.optimizers)),
            **under("average", self.average.tensors()),
            **under("source", self._source.state_dict() if self._source and self.state.within_task else {}),
            **under("recorder", self.recorder.tensors()),
            "random": self.random.state(),
        }

    def fit(self, mode: Mode = "auto") -> None:
        """Learns what is left to learn. Raises Interrupted when asked to stop, GenclError when a loss is not finite."""
        total = sum(self.steps_of(task) for task in self.episodes)
        done = self.state.cost.steps
        with (
            stop_on_signal() as stop,
            deterministic(self.device),
            Reporter(total, done, mode if self._processes.main else "silent") as reporter,
        ):
            while self.state.episode < len(self.episodes):
                task = self.episodes[self.state.episode]
                ctx = self.context(task)
                self._learn(ctx, reporter, stop)
                self.conclude(ctx, reporter)
                if self.state.episode < len(self.episodes) and self._processes.any(bool(stop), self.device):
                    self.stop(stop)

    def context(self, task: Task) -> Context:
        return Context(
            learner=self.learner,
            task=task,
            last=task.index + 1 >= len(self.scenario.planned),
            seed=self.settings.seed,
            train=self.settings.train if task.merged else self._train[task.index],
            processes=self._processes,
            random=self.random,
            steps=self.steps_of(task),
        )

    def _grow(self, task: Task) -> None:
        grow(self.learner, task, self.settings.seed)

    def _learn(self, ctx: Context, reporter: Reporter, stop: StopRequest) -> None:
        """All stages of a task, from where the state stands."""
        resumed = self.state.within_task
        if not resumed:
            self.begin(ctx)
        self._source = self.source(ctx)
        if resumed:
            self._source.load_state_dict(self._stored_source)
        for number, (stage, start, end) in enumerate(self.stages(ctx)):
            if number < self.state.stage:
                continue
            reporter.doing(f"task {ctx.task.name}: {stage}")
            self.enter(ctx, number, stage, end - start, resumed)
            resumed = False
            with self._timed("train_seconds"):
                self._train_stage(ctx, self._source, end, reporter, stop)
            self.average.take()
            # running statistics are of each process's own rows; what methods find from here on must be the same
            self._processes.take_main([buffer for buffer in self.learner.buffers() if buffer.is_floating_point()])

    def begin(self, ctx: Context) -> None:
        """The learner grows for the task, and the method hears of it."""
        self._grow(ctx.task)
        with self._timed("eval_seconds"):
            if self.state.episode:
                zero_shot.measure(self.state, self.evaluator, self.settings, self.scenario)
        self.learner.train()
        with self._timed("importance_seconds"):
            self.method.before_task(ctx)

    def source(self, ctx: Context) -> Source:
        """Where the task's batches come from."""
        return ctx.task.source(ctx.train.batch_size, self.settings.seed)

    def stages(self, ctx: Context) -> list[tuple[Stage, int, int]]:
        """The stages of the task, each with its first step and the one after its last."""
        stages = self.method.stages(self.state.episode, ctx.last)
        ends = schedule.stage_ends(stages, ctx.steps)
        return list(zip(stages, [0, *ends], ends, strict=False))

    def enter(self, ctx: Context, number: int, stage: Stage, steps: int, resumed: bool = False) -> None:
        """What is to be done before the steps of a stage, or before those that are left of it."""
        ctx.stage = stage
        self.phases = self.phases_of(self.learner, ctx)
        self.optimizers = self._optimizers_for(self.phases, ctx.train)
        if resumed:
            restore_optimizers(self.optimizers, self._stored_optimizers)
        else:
            self.state.stage = number
            with self._timed("importance_seconds"):
                self.method.enter_stage(ctx)
        self.average = Average(self.learner, self.phases, ctx.train.average, steps)
        if resumed:
            self.average.restore(self._stored_average)

    def phases_of(self, learner: Learner, ctx: Context) -> list[Phase]:
        """The learner's phases of a task. Old tasks' own parameters come last in those that move shared ones."""
        tasks = [part.index for part in ctx.task.parts]
        old = learner.retrainable(range(tasks[0])) if self.method.moves_old else []
        return [
            replace(phase, parameters=[*phase.parameters, *old]) if phase.moves_shared else phase
            for phase in learner.phases(tasks)
        ]

    def _optimizers_for(self, phases: list[Phase], settings: TrainSettings) -> list[Optimizer]:
        """Fresh ones, save that within a task those stay that move nothing shared: pruning left them alone."""
        before: list[Optimizer | None] = [*self.optimizers] or [None] * len(phases)
        return [
            self.make_optimizer(self.learner, phase, settings) if old is None or phase.moves_shared else old
            for phase, old in zip(phases, before, strict=True)
        ]

    def make_optimizer(self, learner: Learner, phase: Phase, settings: TrainSettings) -> Optimizer:
        """A fresh one for a phase of the learner, shared parameters slowed where the settings say so."""
        slow = list(learner.shared().values()) if self.state.episode and settings.shared_lr < 1 else []
        return make_optimizer(phase, settings, slow)

    def _train_stage(self, ctx: Context, source: Source, end: int, reporter: Reporter, stop: StopRequest) -> None:
        on_cpu = self.device.type == "cpu"  # elsewhere reading a loss waits for the device: only when it is logged
        steps = Steps(
            self.learner,
            self.method,
            self.phases,
            self.optimizers,
            self.average,
            self._processes,
            self.random,
            self._acceleration,
            self.check_finite if on_cpu else None,
        )
        shown = self.state.step
        while self.state.step < end:
            rate = self.rate(ctx)
            stopping = steps.take(ctx, self._batch(ctx, source), rate, bool(stop))
            if values := self.count(ctx, steps.losses, end, stopping):
                reporter.advance(self.state.step - shown, values)
                shown = self.state.step
            if stopping and self.state.step < ctx.steps:
                self.stop(stop)

    def rate(self, ctx: Context) -> float:
        """The learning rate of the coming step, which the context is told."""
        rate = schedule.learning_rate(ctx.train, self.state.step, ctx.steps) * ctx.stage.lr
        ctx.step = self.state.step
        ctx.lr = rate * ctx.train.shared_lr if self.state.episode else rate
        return rate

    def checkpoint_due(self, ctx: Context, step: int, stopping: bool) -> bool:
        """Whether there is a checkpoint when so many steps of the task are taken; its end has one anyway."""
        return (stopping or step % ctx.train.checkpoint_every == 0) and step < ctx.steps

    def count(self, ctx: Context, losses: Mapping[str, Tensor], end: int, stopping: bool) -> dict[str, float]:
        """Counts a step; writes to the log, and a checkpoint, where it is time. Returns the losses if it read them."""
        state, every = self.state, ctx.train.log_every
        state.step += 1
        state.cost.steps += 1
        logs, due = state.step % every == 0 or state.step == end, self.checkpoint_due(ctx, state.step, stopping)
        if not (logs or due or stopping):
            return {}
        self.check_finite(ctx, losses)
        check_parameters(self.recorder, ctx)
        values = {name: round(float(loss), 6) for name, loss in losses.items()}
        if logs:
            self._log(ctx, values)
        if due:
            self._checkpoint()
        return values

    def _batch(self, ctx: Context, source: Source) -> Batch:
        return self.method.extend_batch(ctx, source.batch(ctx.step, self._processes.rank, self._processes.world))

    def conclude(self, ctx: Context, reporter: Reporter) -> None:
        """What follows the last step of a task: the method's own conclusion, measures, pictures, files."""
        state, tasks = self.state, self.scenario.tasks
        reporter.doing(f"task {ctx.task.name}: measuring")
        self.learner.conclude(ctx.task)
        self.optimizers, self.average = [], Average(self.learner, (), 0, 0)
        with self._timed("importance_seconds"):
            self.method.after_task(ctx)
        row, ends = ctx.task.index, ctx.task is self.episodes[-1]
        with self._timed("eval_seconds"):
            self._measure(tasks[: row + 1], ends)
            if self._processes.main:
                self.recorder.picture(self.learner, row)
                self.recorder.keep(self.learner, row)
            self._processes.wait()
        state.episode, state.stage, state.step = state.episode + 1, 0, 0
        give_back_memory()
        state.cost.end_task(self.device)
        capacity = self.method.capacity(self.learner)
        state.capacity += [capacity] if capacity else []
        if self._processes.main:
            self.recorder.write_metrics(state, self.learner, self.method, self.evaluator)
            self.recorder.track(state, row)
            values = {name: matrix[row][: row + 1] for name, matrix in state.matrices.items()}
            reporter.say(_line(ctx.task.name, values))
        self._checkpoint()

    def _measure(self, tasks: Sequence[Task], ends: bool) -> None:
        """Fills the row of these tasks, and at the end the figures that are taken once; all processes take part."""
        state, evaluator = self.state, self.evaluator
        snapshot = evaluator.snapshot(tasks, final=ends)
        for name, values in evaluator.measure(snapshot).items():
            state.matrices[name][len(tasks) - 1][: len(tasks)] = values
        state.summary = evaluator.summary(state.matrices, snapshot if ends else None)
        state.summary |= zero_shot.figures(state, len(tasks))
        if self.learner.generator_itself() is not None and self._processes.main:
            self.recorder.remember(tasks[-1], snapshot.sampled(tasks[-1]))
        state.evaluation = evaluator.evaluation(snapshot) if ends else {}
        if ends:
            once = {metric.name for metric in evaluator.final_metrics}
            state.summary |= {name: mean for name, mean in state.evaluation["mean"].items() if name in once}

    def write_results(self) -> None:
        """metrics.json and the trained model, once all is learned (again, where a killed run had come that far)."""
        self.recorder.write_metrics(self.state, self.learner, self.method, self.evaluator)
        self.recorder.write_model(self.learner)

    def _checkpoint(self) -> None:
        self._count_time()
        self.state.cost.note_memory(self.device)
        if self._processes.main:
            self.recorder.checkpoint(self.state, self.tensors())

    def stop(self, stop: StopRequest, go_on: str = "") -> NoReturn:
        """Raises Interrupted, which says how to go on."""
        where = f"task {self.state.episode + 1}, step {self.state.step}"
        go_on = go_on or f"go on with: {self.recorder.resume_command}"
        raise Interrupted(f"stopped at {where}, with a checkpoint; {go_on}", stop.signal or 15)

    def _log(self, ctx: Context, losses: dict[str, float]) -> None:
        if self._processes.main:
            entry = {
                "task": ctx.task.name,
                "stage": ctx.stage.name,
                "step": self.state.step,
                "lr": ctx.lr,
                "loss": losses,
            }
            self.state.log_bytes = self.recorder.log(entry, self.state.log_bytes, self.state.cost.steps)

    def check_finite(self, ctx: Context, losses: Mapping[str, Tensor]) -> None:
        """Raises GenclError unless the loss of every phase is finite."""
        check_losses(self.recorder, ctx, losses)

    @contextmanager
    def _timed(self, purpose: str) -> Iterator[None]:
        """Adds the seconds that the block takes to a purpose's, and its passes, if it does not measure; a checkpoint
        within it has those up to there."""
        self._timing = purpose, self.clock()
        try:
            with nullcontext() if purpose == "eval_seconds" else self.learner.passes.counting():
                yield
        finally:
            self._count_time()
            self._timing = None

    def _count_time(self) -> None:
        if self._timing is not None:
            (purpose, since), now = self._timing, self.clock()
            self.state.cost.add(purpose, now - since)
            self.state.cost.add_passes(*(self._processes.world * n for n in self.learner.passes.take()))
            self._timing = purpose, now


def _line(task: str, measured: Mapping[str, Sequence[float | None]]) -> str:
    known = {name: [value for value in values if value is not None] for name, values in measured.items()}
    means = [f"{name.replace('_', ' ')} {sum(values) / len(values):.4g}" for name, values in known.items() if values]
    return f"task {task} learned" + (f"; mean over tasks so far: {', '.join(means)}" if means else "")
