"""The one training loop: it serves every learner and every method and asks neither what it is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.optim import Optimizer

from gencl.errors import GenclError, Interrupted
from gencl.methods.base import Context, Method, Stage, under, within
from gencl.metrics.evaluator import Evaluator
from gencl.metrics.transfer import empty_matrix, widened
from gencl.models.learner import Batch, Learner, Phase
from gencl.processes import Processes
from gencl.randomness import RandomSource, derive_seed, deterministic
from gencl.scenarios.task import Scenario, Task
from gencl.settings import Settings, TrainSettings
from gencl.training import learned_images, schedule
from gencl.training.acceleration import Acceleration
from gencl.training.averaging import Average
from gencl.training.interrupts import StopRequest, stop_on_signal
from gencl.training.optimizers import Switch, make_optimizer, set_rate
from gencl.training.progress import Mode, Reporter
from gencl.training.recorder import Recorder
from gencl.training.state import State, optimizer_tensors, restore_optimizers


class Trainer:
    """Learns the tasks of a scenario one after another, measures after each, and leaves a run directory.

    Everything random comes from ``settings.seed``: initial values by name, the order of samples by task and epoch, the
    rest from one source whose state is in the checkpoint. Batches are global: each process takes its rows.
    """

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
        self._accelerator = accelerator
        self._processes = Processes(accelerator)
        self.clock: Callable[[], float] = time.perf_counter  # benchmarks beside other work count CPU time
        self._device = learner.position.device
        self._random = RandomSource(
            settings.seed, "training", device=self._device, rank=self._processes.rank, world=self._processes.world
        )
        self._episodes = method.episodes(scenario.tasks)
        self._train = settings.train_of(len(scenario.tasks))
        self._optimizers: list[Optimizer] = []
        self._average = Average(learner, (), 0, 0)
        self._acceleration = Acceleration(learner)
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
        for task in self._episodes[: state.episode + state.within_task]:
            self._grow(task)
        named = dict(tensors)
        self.learner.load_state_dict(within("learner", named))
        self.method.load_state_dict(within("method", named), self.learner)
        self._random.restore(named["random"].cpu())
        self.recorder.restore(within("recorder", named))
        self._stored_optimizers = within("optimizer", named)
        self._stored_average = within("average", named)

    def tensors(self) -> dict[str, Tensor]:
        """All tensors of a checkpoint."""
        return {
            **under("learner", self.learner.state_dict()),
            **under("method", self.method.state_dict()),
            **under("optimizer", optimizer_tensors(self._optimizers)),
            **under("average", self._average.tensors()),
            **under("recorder", self.recorder.tensors()),
            "random": self._random.state(),
        }

    def fit(self, mode: Mode = "auto") -> None:
        """Learns what is left to learn. Raises Interrupted when asked to stop, GenclError when a loss is not finite."""
        total = sum(self.steps_of(task) for task in self._episodes)
        done = self.state.cost.steps
        with (
            stop_on_signal() as stop,
            deterministic(self._device),
            Reporter(total, done, self._mode(mode)) as reporter,
        ):
            while self.state.episode < len(self._episodes):
                task = self._episodes[self.state.episode]
                ctx = self._context(task)
                self._learn(ctx, reporter, stop)
                self._conclude(ctx, reporter)
                if self.state.episode < len(self._episodes) and self._processes.any(bool(stop), self._device):
                    self._stop(stop)

    def _mode(self, mode: Mode) -> Mode:
        return mode if self._processes.main else "silent"

    def _context(self, task: Task) -> Context:
        return Context(
            learner=self.learner,
            task=task,
            last=task.index + 1 >= len(self.scenario.planned),
            seed=self.settings.seed,
            train=self.settings.train if task.merged else self._train[task.index],
            processes=self._processes,
            random=self._random,
            steps=self.steps_of(task),
        )

    def _grow(self, task: Task) -> None:
        for part in task.parts:
            self.learner.grow(part.classes, derive_seed(self.settings.seed, "grow", part.index))

    def _learn(self, ctx: Context, reporter: Reporter, stop: StopRequest) -> None:
        """All stages of a task, from where the state stands."""
        task, state = ctx.task, self.state
        resumed = state.within_task
        if not resumed:
            self._grow(task)
            self.learner.train()
            self.method.before_task(ctx)
        phases = self.learner.phases([part.index for part in task.parts])
        stages = self.method.stages(self.state.episode, ctx.last)
        order = schedule.Order(len(task.train), ctx.train.batch_size, self.settings.seed, "order", task.index)
        ends = schedule.stage_ends(stages, ctx.steps)
        for number, (start, end) in enumerate(pairwise([0, *ends])):
            if number < state.stage:
                continue
            ctx.stage = stages[number]
            reporter.doing(f"task {task.name}: {_describe(ctx.stage)}")
            self._optimizers = self._optimizers_for(phases, ctx.train)
            if resumed:
                restore_optimizers(self._optimizers, self._stored_optimizers)
            else:
                state.stage = number
                with self._timed("importance_seconds"):
                    self.method.enter_stage(ctx)
            self._average = Average(self.learner, phases, ctx.train.average, end - start)
            if resumed:
                self._average.restore(self._stored_average)
            resumed = False
            with self._timed("train_seconds"):
                self._train_stage(ctx, phases, order, end, reporter, stop)
            self._average.take()
            # running statistics are of each process's own rows; what methods find from here on must be the same
            self._processes.take_main([buffer for buffer in self.learner.buffers() if buffer.is_floating_point()])

    def _optimizers_for(self, phases: list[Phase], settings: TrainSettings) -> list[Optimizer]:
        """Fresh ones, save that within a task those stay that move nothing shared: pruning left them alone."""
        before: list[Optimizer | None] = [*self._optimizers] or [None] * len(phases)
        slow = list(self.learner.shared().values()) if self.state.episode and settings.shared_lr < 1 else []
        return [
            make_optimizer(phase, settings, slow) if old is None or phase.moves_shared else old
            for phase, old in zip(phases, before, strict=True)
        ]

    def _train_stage(
        self, ctx: Context, phases: list[Phase], order: schedule.Order, end: int, reporter: Reporter, stop: StopRequest
    ) -> None:
        settings, state, steps = ctx.train, self.state, ctx.steps
        switches = [Switch(self.learner, phase) for phase in phases]
        watch = self._device.type == "cpu"  # elsewhere reading a loss waits for the device: only when it is logged
        losses: dict[str, Tensor] = {}
        shown = state.step
        while state.step < end:
            ctx.step = state.step
            rate = schedule.learning_rate(settings, state.step, steps) * ctx.stage.lr
            ctx.lr = rate * settings.shared_lr if state.episode else rate
            batch = self._batch(ctx, order)
            stopping = bool(stop)
            for phase, switch, optimizer in zip(phases, switches, self._optimizers, strict=True):
                ctx.phase, ctx.batch = phase, batch
                switch.on()
                with self._acceleration.of(settings):
                    loss = phase.loss(batch, state.step, self._random)
                    penalty = self.method.penalty(ctx)
                for parameter in phase.parameters:  # optimizer.zero_grad does no more, and takes longer
                    parameter.grad = None
                self._accelerator.backward(loss if penalty is None else loss + penalty)
                stopping = self._processes.average_gradients(phase.parameters, stopping)
                losses[phase.name] = loss.detach()
                if watch:
                    self._check_finite(ctx, losses)
                self.method.adjust_gradients(ctx)
                set_rate(optimizer, rate if phase.adam_lr is None else rate / settings.lr * phase.adam_lr)
                optimizer.step()
                self.method.after_step(ctx)
            self._average.update()
            state.step += 1
            state.cost.steps += 1
            due = state.step % settings.checkpoint_every == 0 and state.step < steps
            if state.step % settings.log_every == 0 or state.step == end or due or stopping:
                self._check_finite(ctx, losses)
                self._check_parameters(ctx)
                values = {name: round(float(loss), 6) for name, loss in losses.items()}
                if state.step % settings.log_every == 0 or state.step == end:
                    self._log(ctx, values)
                reporter.advance(state.step - shown, values)
                shown = state.step
            if due or (stopping and state.step < steps):
                self._checkpoint()
            if stopping and state.step < steps:
                self._stop(stop)

    def _batch(self, ctx: Context, order: schedule.Order) -> Batch:
        rows, world = order.rows(ctx.step), self._processes.world
        own = len(rows) // world
        rows = rows[self._processes.rank * own : (self._processes.rank + 1) * own].to(self._device)
        data = ctx.task.train
        tasks = tuple(part.index for part in ctx.task.parts)
        batch = Batch(data.take(rows).float().div_(255), data.labels[rows], tasks=tasks, index=rows)
        return self.method.extend_batch(ctx, batch)

    def _conclude(self, ctx: Context, reporter: Reporter) -> None:
        """What follows the last step of a task: the method's own conclusion, measures, pictures, files."""
        state, tasks = self.state, self.scenario.tasks
        reporter.doing(f"task {ctx.task.name}: measuring")
        self.learner.conclude(ctx.task)
        with self._timed("importance_seconds"):
            self.method.after_task(ctx)
        self._optimizers, self._average = [], Average(self.learner, (), 0, 0)
        row, ends = ctx.task.index, ctx.task is self._episodes[-1]
        with self._timed("eval_seconds"):
            self._measure(tasks[: row + 1], ends)
            if self._processes.main:
                self.recorder.picture(self.learner, row)
                self.recorder.keep(self.learner, row)
            self._processes.wait()
        state.episode, state.stage, state.step = state.episode + 1, 0, 0
        state.cost.end_task(self._device)
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
        if self.learner.kind == "generate" and self._processes.main:
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
        if self._processes.main:
            self.recorder.checkpoint(self.state, self.tensors())

    def _stop(self, stop: StopRequest) -> None:
        number = stop.signal or 15
        where = f"task {self.state.episode + 1}, step {self.state.step}"
        raise Interrupted(f"stopped at {where}, with a checkpoint; go on with: {self.recorder.resume_command}", number)

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

    def _check_finite(self, ctx: Context, losses: Mapping[str, Tensor]) -> None:
        for name, loss in losses.items():
            if not math.isfinite(float(loss)):
                raise self._diverged(ctx, f"the loss of the {name} became {float(loss)}")

    def _check_parameters(self, ctx: Context) -> None:
        """No checkpoint is written, and no task concluded, with parameters that are not finite."""
        sizes = torch._foreach_norm([parameter.detach() for parameter in self.learner.parameters()])
        if not math.isfinite(float(torch.stack(list(sizes)).sum())):
            raise self._diverged(ctx, "parameters became infinite or NaN")

    def _diverged(self, ctx: Context, what: str) -> GenclError:
        kept = "keeps the last good checkpoint" if self.recorder.has_checkpoint() else "has no checkpoint yet"
        return GenclError(
            f"{what} in task {ctx.task.name}, stage {ctx.stage.name}, step {ctx.step + 1}; "
            f"{self.recorder.folder} {kept}; try a lower train.lr"
        )

    @contextmanager
    def _timed(self, purpose: str) -> Iterator[None]:
        start = self.clock()
        try:
            yield
        finally:
            cost = self.state.cost
            setattr(cost, purpose, getattr(cost, purpose) + self.clock() - start)


def _describe(stage: Stage) -> str:
    return f"{stage.name} (pruned {stage.prune:.0%} of the free weights)" if stage.prune else stage.name


def _line(task: str, measured: Mapping[str, Sequence[float | None]]) -> str:
    known = {name: [value for value in values if value is not None] for name, values in measured.items()}
    means = [f"{name.replace('_', ' ')} {sum(values) / len(values):.4g}" for name, values in known.items() if values]
    return f"task {task} learned" + (f"; mean over tasks so far: {', '.join(means)}" if means else "")
