"""The base class of methods, and the context that their hooks receive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    """A part of a task's training.

    ``share`` is its share of the task's steps, ``lr`` the factor on its learning rate. ``prune`` is the share of the
    free weights that are pruned by the time the stage begins, a total since the task's start. ``whole``: the learning
    rate runs through the complete schedule of a task within this stage, because the stage trains the task from scratch.

    Each task starts with fresh optimisers. Those that move shared parameters are also fresh in each stage.
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
    """The context that a hook receives.

    ``last``: no planned task follows; `gencl.extend` may still add more later. ``lr`` is the scheduled learning rate of
    shared parameters. ``step`` is the step within the task (0-based), of ``steps`` in all. ``others`` is the number of
    other tasks learned before; a task that came several times counts once.
    """

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
        """Return this context for a step of ``phase`` on ``batch``."""
        return StepContext(**vars(self), phase=phase, batch=batch)


@dataclass(kw_only=True)
class StepContext(Context):
    """The context of a hook within a step: also the phase, and the batch that it learns from.

    ``free`` has, for parameters of which a method freezes entries, masks that are 1 where they may move.
    """

    phase: Phase
    batch: Batch
    free: dict[Tensor, Tensor] = field(default_factory=dict)


class Method:
    """The base class of methods. It protects nothing; subclasses override the hooks that they need.

    The order within a step: `extend_batch`, then for each phase the loss plus `penalty`, backward, `adjust_gradients`,
    the optimiser's step, `after_step`, `end_step`. Around it: `before_task`, `enter_stage` for each of `stages`,
    `after_task`.
    """

    class Settings(Part):
        """No settings."""

    needs: ClassVar[tuple[Capability[Any], ...]] = ()
    """The capabilities that the learner must have. Lists name the first (`gencl.methods.SERVES`)."""
    measures: ClassVar[ScalarKind | None] = None
    """The kind of the learner's scalars whose gradients the method measures, if any (`Learner.scalars`)."""
    reference: ClassVar[bool] = False
    """Whether it is a bound to compare methods with. It learns all tasks at once, so matrices have only a last row."""
    baseline: ClassVar[bool] = False
    """Whether it is plain training: the default baseline that `gencl compare` compares other methods with."""
    entrywise: bool = False
    """Whether the hooks within a step treat parameters entry by entry and draw nothing (`extend_batch` does nothing).
    The parameters of several seeds can then be stacked (`gencl.experiments.ensemble`)."""
    needs_images: ClassVar[bool] = False
    """Whether it needs the training images of all tasks. It refuses tasks whose batches are made during training."""
    moves_old: bool | None = None
    """Whether training goes on moving the own parameters of earlier tasks, such as old heads. Only those in
    `Learner.retrainable` can move. True: this method's loss needs it. False: they must not move, whatever methods run
    beside this one. None: they move only if another method needs it."""
    divides: ClassVar[bool] = False
    """Whether it assigns units or weights to tasks for good. Of several methods, at most one may. Its `after_step` then
    runs last, and its `after_task` first."""
    undivided: ClassVar[bool] = False
    """Whether every task must use the whole network. It then refuses methods that divide the learner."""
    one_path: ClassVar[bool] = False
    """Whether it follows the weights through a task. It then refuses methods that train a task from its start again."""
    holds: ClassVar[bool] = False
    """Whether it keeps some weights at fixed values. Of several methods, its `after_step` then runs last."""
    smallest_batch: int = 1
    """The fewest images that a process's part of a batch may have."""
    copies: float = 0.0
    """The size of its state, in copies of the shared parameters (approximate), for the estimate of a run's memory."""
    grid: ClassVar[Mapping[str, Sequence[Any]]] = {}
    """The settings worth tuning, and the values that `gencl tune` tries for each, in ascending order."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    def check(self, learner: Learner, tasks: Sequence[Task] = ()) -> None:
        """Raise UsageError if the method cannot serve this learner or these tasks."""
        missing = next((need for need in self.needs if need.of(learner) is None), None)
        from gencl.methods.serving import check_stored, refusal

        if missing is not None or (self.measures and self.measures not in learner.scalar_kinds):
            raise UsageError(refusal(self, missing, learner, tasks))
        if self.needs_images:
            check_stored(self, tasks)

    def check_extension(self) -> None:
        """Raise UsageError if no task can follow the planned ones (`gencl.extend`)."""

    def episodes(self, tasks: Sequence[Task]) -> list[Task]:
        """Return the tasks to learn one after another: all as they are, or one merged task (joint training)."""
        return list(tasks)

    def stages(self, task: int, last: bool) -> list[Stage]:
        """Return the stages of this task (0-based). Their shares must sum to 1."""
        return [Stage("train")]

    def before_task(self, ctx: Context) -> None:
        """Prepare for the task. Called after the learner has grown for it."""

    def enter_stage(self, ctx: Context) -> None:
        """Prepare for ``ctx.stage``. Called when it begins."""

    def extend_batch(self, ctx: Context, batch: Batch) -> Batch:
        """Return the batch to learn from. Replay mixes old samples in here."""
        return batch

    def penalty(self, ctx: StepContext) -> Tensor | None:
        """Return the term to add to the loss of ``ctx.phase``, a scalar, or None."""
        return None

    def adjust_gradients(self, ctx: StepContext) -> None:
        """Change the gradients of ``ctx.phase`` before the optimiser's step."""

    def after_step(self, ctx: StepContext) -> None:
        """Change the parameters of ``ctx.phase`` after the optimiser's step."""

    def end_step(self, ctx: StepContext) -> None:
        """Observe the result of the step, once no method changes the parameters of ``ctx.phase`` any more."""

    def after_task(self, ctx: Context) -> None:
        """Conclude a learned task: measure its importance, store masks or copies."""

    def capacity(self, learner: Learner) -> dict[str, float]:
        """Return the share of each layer, by name, that tasks have taken for good. Empty: nothing is taken."""
        return {}

    def state_dict(self) -> dict[str, Tensor]:
        """Return all tensors that a resumed run needs, by name."""
        return {}

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        """Restore `state_dict`. ``learner`` has already grown as far as when the state was stored."""
        if state:
            raise ValueError(f"unknown state {sorted(state)}")


def state_bytes(state: dict[str, Tensor]) -> int:
    """Return the memory that a method's state takes, in bytes."""
    return sum(tensor.numel() * tensor.element_size() for tensor in state.values())


def importance_random(ctx: Context, what: str) -> RandomSource:
    """Return random numbers for a purpose and task, such as measuring importance, separate from the training's own."""
    return RandomSource(ctx.seed, what, ctx.task.index, device=ctx.random.device)
