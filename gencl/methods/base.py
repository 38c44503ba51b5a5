"""The hooks of a method, and what they are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.part import Part
from gencl.core.processes import Processes
from gencl.core.randomness import RandomSource
from gencl.core.train_settings import TrainSettings
from gencl.learners.capabilities import Capability
from gencl.learners.learner import Learner, Phase, ScalarKind
from gencl.scenarios.batch import Batch
from gencl.scenarios.task import Task


@dataclass(frozen=True)
class Stage:
    """A stretch of a task: its share of the task's steps, the factor on its learning rate, and what is pruned first.

    ``prune`` is the share of the free weights that is pruned, counted from the task's start, when the stage begins.
    ``whole``: its learning rate runs through the whole schedule of a task, since it starts the task afresh.
    Optimisers start afresh with each task, and those that move shared parameters with each stage.
    """

    name: str
    share: float = 1.0
    lr: float = 1.0
    prune: float = 0.0
    whole: bool = False

    def __str__(self) -> str:
        return f"{self.name} (pruned {self.prune:.0%} of the free weights)" if self.prune else self.name


@dataclass
class Context:
    """What a hook is told. ``others``: how many other tasks were learned before, each counted once however often it
    came. ``last``: no task was planned to follow (some may all the same: `gencl.extend`). ``lr`` is the scheduled rate
    of shared parameters, ``step`` the step within the task (0-based) of ``steps`` in all."""

    learner: Learner
    task: Task
    last: bool
    seed: int
    train: TrainSettings
    processes: Processes
    random: RandomSource
    stage: Stage = Stage("train")
    lr: float = 0.0
    step: int = 0
    steps: int = 1
    others: int = 0

    def within(self, phase: Phase, batch: Batch) -> StepContext:
        """The same during a step of a phase on a batch."""
        return StepContext(**vars(self), phase=phase, batch=batch)


@dataclass(kw_only=True)
class StepContext(Context):
    """What a hook within a step is told, too: the phase, and the batch that it learns from."""

    phase: Phase
    batch: Batch


class Method:
    """A method that protects nothing; the others override the hooks they need.

    The order within a step: `extend_batch`, then for each phase the loss plus `penalty`, backward, `adjust_gradients`,
    the optimiser's step, `after_step`, `end_step`. Around it: `before_task`, `enter_stage` for each of `stages`,
    `after_task`.
    """

    class Settings(Part):
        """No settings."""

    needs: ClassVar[tuple[Capability[Any], ...]] = ()
    """What the learner must have; the first is what lists name (`gencl.methods.SERVES`)."""
    measures: ClassVar[ScalarKind | None] = None
    """The kind of scalar of the learner whose gradients it measures, if any."""
    reference: ClassVar[bool] = False
    """Whether it is a bound that methods are compared with, and learns all tasks at once: a last row only."""
    baseline: ClassVar[bool] = False
    """Whether it is plain training, with which `gencl compare` pairs the others where no other baseline is named."""
    entrywise: bool = False
    """Whether the hooks within a step treat parameters entry by entry and draw nothing (`extend_batch` does nothing),
    so that the parameters of several seeds can be stacked (`gencl.experiments.ensemble`)."""
    needs_images: ClassVar[bool] = False
    """Whether it needs the training images of all tasks, and serves no tasks whose batches are made as they train."""
    moves_old: bool | None = None
    """Whether the own parameters of earlier tasks, such as old heads, are trained on where the learner lets them
    (`Learner.retrainable`). True: this method's loss needs them. False: they must stay, whatever methods run beside it.
    None: they stay unless a method beside it moves them."""
    divides: ClassVar[bool] = False
    """Whether it gives units or weights to tasks, and holds them. Of several methods at most one does; its `after_step`
    runs last then, and its `after_task` first."""
    holds: ClassVar[bool] = False
    """Whether it holds some weights where they are: of several methods, its `after_step` then runs last."""
    copies: float = 0.0
    """About how many times the memory of the shared parameters its state takes, for the estimate of a run's memory."""
    grid: ClassVar[Mapping[str, Sequence[Any]]] = {}
    """The settings worth a search and the values that `gencl tune` tries, each from least to most."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    def check(self, learner: Learner, tasks: Sequence[Task] = ()) -> None:
        """Raises UsageError when the method cannot serve this learner or these tasks."""
        missing = next((need for need in self.needs if need.of(learner) is None), None)
        from gencl.methods.serving import check_stored, refusal

        if missing is not None or (self.measures and self.measures not in learner.scalar_kinds):
            raise UsageError(refusal(self, missing, learner, tasks))
        if self.needs_images:
            check_stored(self, tasks)

    def check_extension(self) -> None:
        """Raises UsageError when no task can follow those that were planned (`gencl.extend`)."""

    def episodes(self, tasks: Sequence[Task]) -> list[Task]:
        """What is learned one after another: the tasks, or (joint training) all of them merged."""
        return list(tasks)

    def stages(self, task: int, last: bool) -> list[Stage]:
        """The stages of this task (0-based); their shares sum to 1."""
        return [Stage("train")]

    def before_task(self, ctx: Context) -> None:
        """Called when the learner has grown for the task."""

    def enter_stage(self, ctx: Context) -> None:
        """Called when ``ctx.stage`` begins."""

    def extend_batch(self, ctx: Context, batch: Batch) -> Batch:
        """The batch to learn from (replay mixes old samples in)."""
        return batch

    def penalty(self, ctx: StepContext) -> Tensor | None:
        """What is added to the loss of ``ctx.phase``."""
        return None

    def adjust_gradients(self, ctx: StepContext) -> None:
        """May change the gradients of ``ctx.phase`` before the optimiser's step."""

    def after_step(self, ctx: StepContext) -> None:
        """May change the parameters of ``ctx.phase`` after the optimiser's step."""

    def end_step(self, ctx: StepContext) -> None:
        """Called when no method changes the parameters of ``ctx.phase`` any more: sees where the step has led."""

    def after_task(self, ctx: Context) -> None:
        """Called when the task is learned: importance, masks, copies."""

    def capacity(self, learner: Learner) -> dict[str, float]:
        """Which share of each layer, by name, the tasks so far have taken for good; empty where nothing is taken."""
        return {}

    def state_dict(self) -> dict[str, Tensor]:
        """All that a resumed run needs, by name."""
        return {}

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        """Restores `state_dict`; ``learner`` has grown as far as when it was stored."""
        if state:
            raise ValueError(f"unknown state {sorted(state)}")


def state_bytes(state: dict[str, Tensor]) -> int:
    """The memory that a method's state takes."""
    return sum(tensor.numel() * tensor.element_size() for tensor in state.values())


def importance_random(ctx: Context, what: str) -> RandomSource:
    """Random numbers for measuring importance: of the task and purpose, apart from the training's own."""
    return RandomSource(ctx.seed, what, ctx.task.index, device=ctx.random.device)
