"""What every learner offers: growth, optimisation phases, parameters, and per-sample scalars."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from gencl.core.randomness import RandomSource
from gencl.learners.passes import Passes
from gencl.scenarios.batch import Batch
from gencl.scenarios.task import Task

if TYPE_CHECKING:
    from gencl.learners.classifier import Classifier
    from gencl.learners.generative import GenerativeLearner
    from gencl.learners.networks.trunk import Ownership
    from gencl.learners.units import Units
    from gencl.scenarios.player import Player

ScalarKind = Literal["entropy", "likelihood", "sensitivity"]


def nothing_drawn(batch: Batch, random: RandomSource) -> Batch:
    """What a phase draws whose loss needs no latents."""
    return batch


@dataclass(frozen=True)
class Phase:
    """One optimisation step of a learner.

    ``loss(batch, step, random)`` returns a scalar, of the batch that ``draw(batch, random)`` has given the latents it
    needs; ``parameters`` are the ones it moves; methods act on the phases that move shared parameters. ``adam_lr`` asks
    for Adam with a learning rate of its own, on the run's schedule, where the run's optimiser would not do.
    ``half_life`` asks for an average of the parameters: the images after which what it knows counts half.
    """

    name: str
    parameters: Sequence[Parameter]
    loss: Callable[[Batch, int, RandomSource], Tensor]
    moves_shared: bool
    adam_lr: float | None = None
    half_life: float = 0.0
    draw: Callable[[Batch, RandomSource], Batch] = nothing_drawn


@contextmanager
def predicting(learner: nn.Module) -> Iterator[None]:
    """Evaluation mode within the block, and the mode of before behind it."""
    training = learner.training
    learner.eval()
    try:
        yield
    finally:
        learner.train(training)


class Learner(nn.Module, ABC):
    """A model that learns task after task.

    Its parameters are of three kinds: *shared* (what consolidation protects), a task's *own* (frozen once the task is
    over, until one of its classes comes again or a method moves those that are `retrainable`), and the rest (carried
    over, never protected, such as a GAN's discriminator).
    """

    kind: ClassVar[str]
    """What a run directory calls it: ``generate`` or ``classify``, or a word of a plug-in's own."""
    has_own: bool = False
    """Whether each task has parameters of its own."""
    scalar_kinds: ClassVar[frozenset[ScalarKind]] = frozenset({"entropy", "likelihood", "sensitivity"})
    """The kinds of `scalars` that it has."""
    loss_falls: bool = True
    """Whether the losses of the phases that move shared parameters fall as it learns: not those of adversaries."""
    smallest_batch: int = 1
    """The samples that a step needs in each process."""
    stacks: bool = False
    """Whether the losses of its phases work under ``torch.func.vmap``: they draw nothing and change no buffer, so that
    the learners of several seeds can be trained as one (`gencl.experiments.ensemble`)."""
    Settings: ClassVar[type[Any]]

    def __init__(self) -> None:
        super().__init__()
        self.classes: list[int] = []
        self.tasks: list[tuple[int, ...]] = []
        self.groups: list[tuple[int, ...]] = []
        """The classes by the task that first brought them, in the order learned. What belongs to classes alone is made,
        and moves, group by group. Where no class comes twice, each task brings one group."""
        self._groups_of: list[tuple[int, ...]] = []
        self.passes = Passes()
        self.register_buffer("position", torch.zeros(0, dtype=torch.long))
        self.position: Tensor

    def check(self, tasks: Sequence[Task]) -> None:
        """Raises UsageError when it cannot learn these tasks; called before anything is written."""

    def grow(self, classes: Sequence[int], seed: int) -> tuple[int, ...]:
        """Adds the parameters of the next task, which brings ``classes``; ``seed`` initialises them.

        Returns the classes that are new. Those that were learned before go on with the parameters that they have, so
        that nothing is added where there are no new ones.
        """
        new = tuple(c for c in classes if c not in self.classes)
        self.tasks.append(tuple(classes))
        self.groups += [new] if new else []
        self.classes.extend(new)
        self._groups_of.append(tuple(n for n, group in enumerate(self.groups) if not set(group).isdisjoint(classes)))
        lookup = torch.full((max(self.classes) + 1,), -1, dtype=torch.long)
        lookup[torch.tensor(self.classes)] = torch.arange(len(self.classes))
        self.position = lookup.to(self.position.device)
        return new

    def groups_of(self, tasks: Iterable[int]) -> list[int]:
        """The numbers of the groups whose classes these tasks have, in order.

        A learner that has heads, units or weights for each task takes only tasks of one group (`check`).
        """
        return sorted({group for task in tasks for group in self._groups_of[task]})

    def first_task(self, group: int) -> int:
        """The task that brought a group."""
        return next(task for task, groups in enumerate(self._groups_of) if group in groups)

    def returns(self, task: int) -> bool:
        """Whether all classes of a task were learned before it."""
        return self._groups_of[task][-1] < len(self.groups_of(range(task)))

    def load_pretrained(self) -> None:
        """Starts from the weights that its settings name, if any; called once, on a fresh learner that will train."""

    @abstractmethod
    def phases(self, tasks: Sequence[int]) -> list[Phase]:
        """The steps of one batch, in order, while the tasks with these indices are learned."""

    @abstractmethod
    def shared(self) -> dict[str, Parameter]:
        """What consolidation protects, by name; never the parameters of one task."""

    @abstractmethod
    def own(self, task: int) -> dict[str, Parameter]:
        """What belongs to the groups of a task's classes alone, by name. Tasks with classes in common share it."""

    def own_of(self, tasks: Iterable[int]) -> list[Parameter]:
        """The own parameters of these tasks, each once."""
        every = (parameter for task in tasks for parameter in self.own(task).values())
        return list({id(parameter): parameter for parameter in every}.values())

    def retrainable(self, tasks: Sequence[int]) -> list[Parameter]:
        """The own parameters of these earlier tasks that a method may train further (`Method.moves_old`), with the
        shared ones. None by default: they are final."""
        return []

    @abstractmethod
    def probe(self, task: Task, n: int | None, random: RandomSource) -> Batch:
        """n samples of the task on which importance is measured (None: as many as it has training images), a few rows
        at a time: images may be uint8, or read only then (`Batch.of_split`)."""

    @abstractmethod
    def scalars(self, kind: ScalarKind, batch: Batch, random: RandomSource) -> Tensor:
        """A scalar per sample, shape (n,), whose gradient says what the shared parameters do; what it draws comes from
        ``random``. The kinds, of which ``scalar_kinds`` has those that this learner knows:

        ``entropy``: the entropy of the output (SPP eq. 2, ANPyC eq. 7); ``likelihood``: the log-likelihood of the
        batch's own targets (EWC); ``sensitivity``: the squared norm of the output (MAS).
        """

    def conclude(self, task: Task) -> None:
        """Called when a task's training is over, before the method's own conclusion: what is kept of its images."""

    def sampled_targets(self, batch: Batch, random: RandomSource) -> Batch:
        """The batch whose targets will be drawn from the learner's own prediction (Fisher information), once that is
        there. Generators draw none."""
        return batch

    def possible_targets(self, batch: Batch) -> Iterator[tuple[Batch, Tensor]]:
        """The batch with each target there can be, and the learner's own probabilities of it (n,).

        Generators have the one target there is.
        """
        yield batch, torch.ones(len(batch), device=batch.classes.device)

    def networks(self) -> Sequence[nn.Module]:
        """Parts that ``train.compile`` compiles and `Passes` counts: they are called as modules, samples first, and
        their parameters stay the same ones."""
        return ()

    # what only some learners have: an object, or nothing (`gencl.learners.capabilities`)

    def classifier(self) -> Classifier | None:
        """The learner as a classifier."""
        return None

    def task_units(self) -> Units | None:
        """Its layers of units, where tasks may be given some of them, and a sample's task is known."""
        return None

    def task_weights(self) -> Ownership | None:
        """Which task each weight belongs to, where tasks may be given some, and a sample's task is known."""
        return None

    def generator_itself(self) -> GenerativeLearner | None:
        """The learner as a generator."""
        return None

    def generative(self) -> GenerativeLearner | None:
        """What draws images: the learner itself, or the generator beside it."""
        return self.generator_itself()

    def encoder(self) -> GenerativeLearner | None:
        """The learner as a generator that encodes images, too."""
        return None

    def player(self) -> Player | None:
        """The learner as a player of games."""
        return None

    def describe(self) -> str:
        """How it meets the tasks, in words."""
        return "a generator of all classes learned so far"
