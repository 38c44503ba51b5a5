"""The base class of all learners: growth, optimisation phases, parameters, and per-sample scalars."""

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
    """Return the batch unchanged: the default of `Phase.draw`, for losses that need no latents."""
    return batch


@dataclass(frozen=True)
class Phase:
    """One optimisation step of a learner.

    ``draw(batch, random)`` adds the latents that the loss needs; ``loss(batch, step, random)`` returns a scalar.
    The step updates ``parameters``. Methods act on the phases where ``moves_shared`` says that shared ones are among
    them. ``adam_lr``: use Adam with this learning rate, on the run's schedule, instead of the run's optimiser.
    ``half_life``: half-life, in images, of a moving average of the parameters; 0: none by default.
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
    """Put the learner into evaluation mode within the block, then restore its previous mode."""
    training = learner.training
    learner.eval()
    try:
        yield
    finally:
        learner.train(training)


class Learner(nn.Module, ABC):
    """A model that learns task after task.

    Its parameters are of three kinds. Consolidation protects the *shared* ones. A task's *own* ones are frozen once the
    task is over, until one of its classes comes again or a method trains those that are `retrainable`. The rest, such
    as a GAN's discriminator, are carried over and never protected.
    """

    kind: ClassVar[str]
    """The kind that a run directory records: ``generate``, ``classify``, ``play``, or a name that a plug-in chooses."""
    has_own: bool = False
    """Whether each task has parameters of its own."""
    scalar_kinds: ClassVar[frozenset[ScalarKind]] = frozenset({"entropy", "likelihood", "sensitivity"})
    """The kinds that `scalars` supports."""
    loss_falls: bool = True
    """Whether the losses of phases that move shared parameters fall during training. Adversarial losses do not."""
    smallest_batch: int = 1
    """The smallest number of samples per step in each process."""
    stacks: bool = False
    """Whether the losses of its phases work under ``torch.func.vmap``: they draw nothing and change no buffer. Learners
    of several seeds can then be trained together (`gencl.experiments.ensemble`)."""
    Settings: ClassVar[type[Any]]

    def __init__(self) -> None:
        super().__init__()
        self.classes: list[int] = []
        self.tasks: list[tuple[int, ...]] = []
        self.groups: list[tuple[int, ...]] = []
        """The classes, grouped by the task that first brought them, in the order learned. Own parameters are added and
        trained group by group. If no class comes twice, each task brings one group."""
        self._groups_of: list[tuple[int, ...]] = []
        self.passes = Passes()
        self.register_buffer("position", torch.zeros(0, dtype=torch.long))
        self.position: Tensor

    def check(self, tasks: Sequence[Task]) -> None:
        """Raise UsageError if the learner cannot learn these tasks; called before anything is written."""

    def grow(self, classes: Sequence[int], seed: int) -> tuple[int, ...]:
        """Add the parameters of the next task, which brings ``classes``, initialised from ``seed``.

        Returns the new classes. Classes that were learned before keep their parameters, so a task without new classes
        adds nothing.
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
        """Return the indices of the groups that the classes of these tasks belong to, in ascending order.

        A learner with heads, units or weights per task accepts only tasks of one group (`check`).
        """
        return sorted({group for task in tasks for group in self._groups_of[task]})

    def first_task(self, group: int) -> int:
        """Return the index of the task that first brought a group."""
        return next(task for task, groups in enumerate(self._groups_of) if group in groups)

    def returns(self, task: int) -> bool:
        """Return whether all classes of a task were learned before it."""
        return self._groups_of[task][-1] < len(self.groups_of(range(task)))

    def load_pretrained(self) -> None:
        """Load the pretrained weights that the settings name, if any; called once, before a new learner is trained."""

    @abstractmethod
    def phases(self, tasks: Sequence[int]) -> list[Phase]:
        """Return the optimisation steps per batch, in order, while the tasks with these indices are learned."""

    @abstractmethod
    def shared(self) -> dict[str, Parameter]:
        """Return the parameters that consolidation protects, by name; never those of one task."""

    @abstractmethod
    def own(self, task: int) -> dict[str, Parameter]:
        """Return the own parameters of a task's groups of classes, by name. Tasks with common classes share them."""

    def own_of(self, tasks: Iterable[int]) -> list[Parameter]:
        """Return the own parameters of these tasks, each once."""
        every = (parameter for task in tasks for parameter in self.own(task).values())
        return list({id(parameter): parameter for parameter in every}.values())

    def retrainable(self, tasks: Sequence[int]) -> list[Parameter]:
        """Return the own parameters of these earlier tasks that a method may train further, besides the shared ones.
        By default there are none: own parameters are final. See `Method.moves_old`."""
        return []

    @abstractmethod
    def probe(self, task: Task, n: int | None, random: RandomSource) -> Batch:
        """Return n samples of the task for measuring importance; None: as many as it has training images. They are used
        a few rows at a time, so images may be uint8, or not yet read (`Batch.of_split`)."""

    @abstractmethod
    def scalars(self, kind: ScalarKind, batch: Batch, random: RandomSource) -> Tensor:
        """Return one scalar per sample, (n,), whose gradient measures how much each shared parameter matters.

        Random draws come from ``random``. A learner supports the kinds in ``scalar_kinds``. ``entropy``: the entropy of
        the output (SPP eq. 2, ANPyC eq. 7). ``likelihood``: the log-likelihood of the batch's own targets (EWC).
        ``sensitivity``: the squared norm of the output (MAS).
        """

    def conclude(self, task: Task) -> None:
        """Keep what is needed of a task's images; called after its training, before the method's `after_task`."""

    def sampled_targets(self, batch: Batch, random: RandomSource) -> Batch:
        """Return the batch with what is needed to draw its targets from the learner's own prediction (for the Fisher
        information). Generators draw no targets and return it unchanged."""
        return batch

    def possible_targets(self, batch: Batch) -> Iterator[tuple[Batch, Tensor]]:
        """Yield the batch once per possible target, with the probabilities (n,) that the learner gives that target.

        Generators have a single target, of probability 1.
        """
        yield batch, torch.ones(len(batch), device=batch.classes.device)

    def networks(self) -> Sequence[nn.Module]:
        """Return the parts that ``train.compile`` compiles and `Passes` counts. They are called as modules, with the
        samples as first argument, and their parameter objects never change."""
        return ()

    # capabilities that only some learners have; None for the others (`gencl.learners.capabilities`)

    def classifier(self) -> Classifier | None:
        """Return the learner as a classifier, or None."""
        return None

    def task_units(self) -> Units | None:
        """Return the layers of units, if methods may give units to tasks and a sample's task is known; else None."""
        return None

    def task_weights(self) -> Ownership | None:
        """Return the owners of all weights, if methods may give weights to tasks and a sample's task is known."""
        return None

    def generator_itself(self) -> GenerativeLearner | None:
        """Return the learner as a generator, or None."""
        return None

    def generative(self) -> GenerativeLearner | None:
        """Return the learner that generates images, itself or the generator trained beside it, or None."""
        return self.generator_itself()

    def encoder(self) -> GenerativeLearner | None:
        """Return the learner as a generator that can also encode images, or None."""
        return None

    def player(self) -> Player | None:
        """Return the learner as a player of games, or None."""
        return None

    def describe(self) -> str:
        """Return a short description of how the learner treats tasks."""
        return "a generator of all classes learned so far"
