"""The training state of a run, and the moves from one stage to the next. A checkpoint holds all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from accelerate import Accelerator
from torch import Tensor
from torch.optim import Optimizer

from gencl.core.prefixes import under, within
from gencl.core.processes import Processes
from gencl.core.randomness import RandomSource
from gencl.core.settings import Settings
from gencl.core.train_settings import TrainSettings
from gencl.learners import returned as of_learner
from gencl.learners.learner import Learner, Phase
from gencl.methods import returned
from gencl.methods.base import Context, Method, Stage
from gencl.metrics.evaluator import Evaluator
from gencl.metrics.transfer import empty_matrix, widened
from gencl.runs import learned_images
from gencl.runs.build import grow
from gencl.runs.recorder import Recorder
from gencl.runs.state import State, optimizer_tensors, restore_optimizers
from gencl.scenarios.batch import Batch
from gencl.scenarios.source import Source
from gencl.scenarios.task import Scenario, Task
from gencl.training import schedule, zero_shot
from gencl.training.averaging import Average, no_average
from gencl.training.optimizers import make_optimizer
from gencl.training.stopwatch import Stopwatch


class Session:
    """The learner, method and tasks of a run, and the phases, optimisers, average and source of its present stage.

    All randomness comes from ``settings.seed``. Initial values are seeded by name, sample orders by task and epoch. All
    else comes from one random source, whose state is in checkpoints. Batches are global: each process takes its rows.
    """

    expected_bytes: int = 0
    """The estimated peak memory of training, in bytes; 0: unknown."""
    estimate: dict[str, float] | None = None
    """The estimated time and memory of the run, set once its first steps were timed."""

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
        self.processes = Processes(accelerator)
        self.device = learner.position.device
        self.random = RandomSource(
            settings.seed, "training", device=self.device, rank=self.processes.rank, world=self.processes.world
        )
        self.episodes = returned.episodes(method, scenario.tasks)
        self._train = settings.train_of(len(scenario.tasks))
        self.phases: list[Phase] = []
        self.optimizers: list[Optimizer] = []
        self.average = no_average(learner)
        self.source: Source | None = None
        self._span = 0, 0
        """The first step of the present stage, and the step after its last."""
        learner.passes.watch(learner.networks())
        evaluator.remembers(learned_images.of_run(recorder.folder))
        self.state = State(
            matrices={m.name: empty_matrix(len(scenario.tasks)) for m in evaluator.metrics},
        )
        self.state.features = self.evaluator.features_name
        self.stopwatch = Stopwatch(lambda: self.state.cost, learner.passes, self.processes)
        self._restored: dict[str, dict[str, Tensor]] = {}
        """Tensors of a checkpoint, kept until the optimisers, average and source of its stage are made."""
        self._left: dict[str, Tensor] = {}
        """State that sources keep for the next visit of their task, by the index of the task's first visit."""

    def steps_of(self, task: Task) -> int:
        """Return the optimiser steps of a task. A merged task has those of all its parts, so that totals are equal."""
        return sum(part.steps(self._train[part.index]) for part in task.parts)

    def restore(self, state: State, tensors: Mapping[str, Tensor]) -> None:
        """Restore the state and tensors of a checkpoint. The run may have more tasks than the checkpoint."""
        n = len(self.scenario.tasks)
        state.matrices = {m.name: widened(state.matrices.get(m.name, []), n) for m in self.evaluator.metrics}
        state.origin = self.recorder.origin()
        self.state = state
        for task in self.episodes[: state.episode + state.within_task]:
            self._grow(task)
        named = dict(tensors)
        self.learner.load_state_dict(within("learner", named))
        self.method.load_state_dict(within("method", named), self.learner)
        self.random.restore(named["random"].cpu(), self.settings.seed, "training", state.cost.steps)
        self.recorder.restore(within("recorder", named))
        self._restored = {part: within(part, named) for part in ("optimizer", "average", "source")}
        self._left = within("left", named)

    def tensors(self) -> dict[str, Tensor]:
        """Return all tensors of a checkpoint, by name."""
        return {
            **under("learner", self.learner.state_dict()),
            **under("method", returned.state(self.method)),
            **under("optimizer", optimizer_tensors(self.optimizers)),
            **under("average", self.average.tensors()),
            **under("source", self.source.state_dict() if self.source and self.state.within_task else {}),
            **under("left", self._left),
            **under("recorder", self.recorder.tensors()),
            "random": self.random.state(),
        }

    def save(self) -> None:
        """Write a checkpoint."""
        self.stopwatch.count()
        self.state.cost.note_memory(self.device)
        if self.processes.main:
            self.recorder.checkpoint(self.state, self.tensors())

    def write_results(self) -> None:
        """Write metrics.json and the trained model, once all tasks are learned. A resumed run may write them again."""
        self.recorder.write_metrics(self.state, self.learner, self.method, self.evaluator)
        self.recorder.write_model(self.learner)

    def context(self, task: Task) -> Context:
        """Return the context that is passed to the hooks of a task."""
        before = self.scenario.tasks[: task.parts[0].index]
        return Context(
            learner=self.learner,
            task=task,
            last=task.index + 1 >= len(self.scenario.planned),
            seed=self.settings.seed,
            train=self.settings.train if task.merged else self._train[task.index],
            processes=self.processes,
            random=self.random,
            steps=self.steps_of(task),
            others=len({earlier.first_visit for earlier in before} - {task.first_visit}),
        )

    def _grow(self, task: Task) -> None:
        grow(self.learner, task, self.settings.seed)

    def begin(self, ctx: Context) -> None:
        """Grow the learner for the task, measure zero-shot transfer, and call the method's `before_task`."""
        self._grow(ctx.task)
        with self.stopwatch.timed("eval_seconds"):
            if self.state.episode:
                zero_shot.measure(self.state, self.evaluator, self.settings, self.scenario)
        self.learner.train()
        with self.stopwatch.timed("importance_seconds"):
            self.method.before_task(ctx)

    def open_source(self, ctx: Context, resumed: bool = False) -> None:
        """Open the task's source of batches. It goes on from a checkpoint or from an earlier visit of the task."""
        self.source = ctx.task.source(ctx.train.batch_size, self.settings.seed)
        self.source.meet(self.learner)
        if resumed:
            self.source.load_state_dict(self._restored.pop("source"))
        elif left := within(str(ctx.task.first_visit), self._left):
            self.source.go_on(left)

    def stages(self, ctx: Context) -> list[tuple[Stage, int]]:
        """Return the stages of the task, each with the step after its last."""
        stages = returned.stages(self.method, self.state.episode, ctx.last)
        return list(zip(stages, schedule.stage_ends(stages, ctx.steps), strict=True))

    def enter(self, ctx: Context, number: int, stage: Stage, resumed: bool = False) -> None:
        """Prepare the steps of a stage, or with ``resumed`` the steps that are left of it."""
        ctx.stage = stage
        ends = [end for _, end in self.stages(ctx)]
        self._span = ends[number - 1] if number else 0, ends[number]
        self.phases = self.phases_of(self.learner, ctx)
        self.optimizers = self._optimizers_for(self.phases, ctx.train)
        if resumed:
            restore_optimizers(self.optimizers, self._restored.pop("optimizer"))
        else:
            self.state.stage, self.state.plateau = number, []
            with self.stopwatch.timed("importance_seconds"):
                self.method.enter_stage(ctx)
        self.average = self.make_average(self.learner, self.phases, ctx)
        if resumed:
            self.average.restore(self._restored.pop("average"))

    def leave_stage(self) -> None:
        """End a stage after its last step: the average replaces the parameters."""
        self.average.take()
        # each process has running statistics of its own rows, but what methods compute next must agree
        self.processes.take_main([buffer for buffer in self.learner.buffers() if buffer.is_floating_point()])

    def phases_of(self, learner: Learner, ctx: Context) -> list[Phase]:
        """Return the learner's phases for a task. A method may add old tasks' own parameters to those that move
        shared ones."""
        tasks = [part.index for part in ctx.task.parts]
        old = learner.retrainable(range(tasks[0])) if self.method.moves_old else []

        def with_old(phase: Phase) -> Phase:
            present = set(map(id, phase.parameters))  # tasks with common classes share parameters
            return replace(phase, parameters=[*phase.parameters, *(p for p in old if id(p) not in present)])

        return [with_old(phase) if phase.moves_shared else phase for phase in of_learner.phases(learner, tasks)]

    def _optimizers_for(self, phases: list[Phase], settings: TrainSettings) -> list[Optimizer]:
        """Return fresh optimisers. Within a task, phases that move no shared parameters keep theirs."""
        before: list[Optimizer | None] = [*self.optimizers] or [None] * len(phases)
        return [
            self.make_optimizer(self.learner, phase, settings) if old is None or phase.moves_shared else old
            for phase, old in zip(phases, before, strict=True)
        ]

    def make_optimizer(self, learner: Learner, phase: Phase, settings: TrainSettings) -> Optimizer:
        """Return a fresh optimiser for a phase; ``train.shared_lr`` slows shared parameters after the first task."""
        slow = list(learner.shared().values()) if self.state.episode and settings.shared_lr < 1 else []
        return make_optimizer(phase, settings, slow)

    def make_average(self, learner: Learner, phases: list[Phase], ctx: Context) -> Average:
        """Return the average of the parameters that the phases move in the present stage."""
        return Average(learner, phases, ctx.train.half_life, ctx.train.batch_size, self._span[0])

    def rate(self, ctx: Context) -> float:
        """Return the learning rate of the next step. Sets ``ctx.step``, and ``ctx.lr`` for shared parameters."""
        start, end = self._span if ctx.stage.whole else (0, ctx.steps)
        rate = schedule.learning_rate(ctx.train, self.state.step - start, end - start) * ctx.stage.lr
        ctx.step = self.state.step
        ctx.lr = rate * ctx.train.shared_lr if self.state.episode else rate
        return rate

    def batch(self, ctx: Context) -> Batch:
        """Return the batch of the next step, extended by the method."""
        assert self.source is not None
        rows = self.source.batch(ctx.step, self.processes.rank, self.processes.world)
        return returned.extended(self.method, ctx, rows)

    def conclude(self, ctx: Context) -> None:
        """End a task after its last step: learner and method store what they need, and the next task becomes
        current."""
        self.learner.conclude(ctx.task)
        if self.source:
            self._left |= under(str(ctx.task.first_visit), self.source.left())
        self.optimizers, self.average = [], no_average(self.learner)
        with self.stopwatch.timed("importance_seconds"):
            self.method.after_task(ctx)
        self.state.episode, self.state.stage, self.state.step = self.state.episode + 1, 0, 0
