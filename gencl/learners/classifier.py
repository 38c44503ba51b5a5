"""Classifiers: a shared trunk with one head per task, one head for all tasks, or one head over all classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import Parameter

from gencl.core.randomness import RandomSource
from gencl.learners.generative import GenerativeLearner
from gencl.learners.heads import HEADS, IMPOSSIBLE, check_heads
from gencl.learners.learner import Learner, Phase, ScalarKind, predicting
from gencl.learners.networks.head import NO_LAYER, Heads, OwnLayer
from gencl.learners.networks.norms import TaskBatchNorm2d, of_tasks
from gencl.learners.networks.precision import at_least_float32
from gencl.learners.networks.trunk import Gates, Layer, Ownership, dropouts, layers_in
from gencl.learners.predicted import beliefs_of
from gencl.learners.scholar import beside
from gencl.learners.softmax import softmax_scalars
from gencl.learners.units import Units, layers_of
from gencl.scenarios.batch import Batch
from gencl.scenarios.task import Task


class Classifier(Learner):
    """A trunk and its heads, trained with cross-entropy.

    The class of a sample also determines its task. With ``heads="task"`` it competes only with the classes of its task.
    With ``"domain"`` one shared head predicts the place of the class within its task. With ``"class"`` it competes with
    all classes learned so far. Head rows that only one task trains are its own parameters, never shared. A task whose
    classes were learned before (`Learner.groups`) continues with their head, gates and statistics.

    Methods may close units to a task (`gates`) or give weights to tasks (`ownership`); both are part of the model.
    A generator may learn beside it (`attach`). Its parameters are neither shared nor own: methods protect only the
    classifier.
    """

    kind = "classify"

    def __init__(
        self,
        trunk: nn.Module,
        features: int,
        heads: str,
        prepare: nn.Module | None = None,
        own_layer: OwnLayer = NO_LAYER,
    ) -> None:
        super().__init__()
        self.trunk, self.features, self.heads = trunk, features, heads
        self.prepare = prepare or nn.Identity()
        self.head = Heads(features, own_layer)
        self.generator: GenerativeLearner | None = None
        self._beside: tuple[int | None, float] = (None, 0.0)  # the generator's batch and learning rate
        self.gates = Gates([layer.units for layer in layers_in(trunk)])
        self.ownership = Ownership([name for name, _ in trunk.named_parameters()])
        self.has_own = heads != "domain"
        self.register_buffer("task_of", torch.zeros(0, dtype=torch.long))
        self.task_of: Tensor
        self._dropouts = dropouts(trunk)
        self._norms = [module for module in trunk.modules() if isinstance(module, TaskBatchNorm2d)]
        normalises = any(isinstance(module, TaskBatchNorm2d | nn.BatchNorm2d) for module in trunk.modules())
        self.smallest_batch = 2 if normalises else 1
        self.stacks = not (normalises or self._dropouts or own_layer.dropout)
        self._seen: tuple[Tensor, Tensor] | None = None  # this step's images and features, for `responses`

    def attach(self, generator: GenerativeLearner, batch: int | None, lr: float) -> None:
        """Train a fresh generator beside the classifier, on ``batch`` samples per step (None: all), at rate ``lr``."""
        self.generator, self._beside = generator, (batch, lr)
        self.stacks = self.stacks and generator.stacks

    def generative(self) -> GenerativeLearner | None:
        return self.generator

    def classifier(self) -> Classifier:
        return self

    def task_units(self) -> Units | None:
        layers = [] if self.heads == "class" else self.layers()
        return Units(layers, self.gates, self.shared()) if any(layer.hidden for layer in layers) else None

    def task_weights(self) -> Ownership | None:
        return None if self.heads == "class" else self.ownership

    def check(self, tasks: Sequence[Task]) -> None:
        check_heads(self.heads, [part for task in tasks for part in task.parts])

    def grow(self, classes: Sequence[int], seed: int) -> tuple[int, ...]:
        new = super().grow(classes, seed)
        self._seen = None
        if new:
            if self.heads != "domain" or not len(self.head):
                self.head.add(len(new), seed)
                self._dropouts = [*dropouts(self.trunk), *dropouts(self.head)]
            self.task_of = torch.tensor([index for index, group in enumerate(self.groups) for _ in group])
            self.gates.grow()
            for norm in self._norms:
                norm.grow()
        if self.generator is not None:
            self.generator.grow(classes, seed)
        self.to(self.position.device)
        return new

    def conclude(self, task: Task) -> None:
        if self.generator is not None:
            self.generator.conclude(task)

    def networks(self) -> list[nn.Module]:
        return [self.trunk, *(self.generator.networks() if self.generator is not None else ())]

    def describe(self) -> str:
        return HEADS[self.heads] + ("" if self.generator is None else "; a generator learns beside it")

    def range_of(self, tasks: Sequence[int], positions: Tensor) -> range:
        """Return a range that covers the samples' groups, from ``tasks`` if given, else from their class positions."""
        indices = self.groups_of(tasks) or self.task_of[positions].unique().tolist()
        return range(min(indices), max(indices) + 1)

    def _features(self, images: Tensor, index: Tensor, tasks: range) -> Tensor:
        """Return the features (n, f) of images whose groups are ``index`` (n,), all in ``tasks``."""
        images = self.prepare(images)
        if not self.ownership.divided():
            return self._through(self.trunk, images, index)
        if len(tasks) == 1:
            return self._through(self._as_seen_by(tasks.start), images, index)
        features = images.new_zeros(len(images), self.features)
        for task in tasks:
            rows = (index == task).nonzero().squeeze(1)
            if len(rows):  # old tasks are final, and one image has no batch statistics
                with nullcontext() if task in self._groups_of[-1] else predicting(self.trunk):
                    features[rows] = self._through(self._as_seen_by(task), images[rows], index[rows])
        return features

    def _as_seen_by(self, task: int) -> Callable[..., Tensor]:
        """Return the trunk with the weights that a task uses. The newest task uses all, even those without an owner."""
        if task == len(self.groups) - 1:
            return self.trunk
        seen = self.ownership.seen_by(task, dict(self.trunk.named_parameters()))
        return lambda *inputs: functional_call(self.trunk, seen, inputs)

    def _through(self, trunk: Callable[..., Tensor], images: Tensor, index: Tensor) -> Tensor:
        """Run the trunk with the gates and statistics of each image's task."""
        gates = self.gates.of(index)
        with of_tasks(self._norms, index):
            features = trunk(images) if gates is None else trunk(images, gates)
        return at_least_float32(features)

    def logits(self, images: Tensor, positions: Tensor, tasks: Sequence[int] = ()) -> tuple[Tensor, Tensor]:
        """Return scores (n, columns), `IMPOSSIBLE` for classes of other tasks, and the right columns (n,).

        With ``heads="task"``, only the heads of ``tasks``, the samples' tasks if known, are computed.
        """
        index, among = self.task_of[positions], self.range_of(tasks, positions)
        features = self._features(images, index, among)
        self._seen = (images, features) if self.training and torch.is_grad_enabled() else None
        if self.heads == "domain":
            return self.head.joined(features, [0]), positions - len(self.groups[0]) * index
        if self.heads == "class":
            among = range(len(self.groups))
        scores = self.head.joined(features, among)
        start = sum(len(group) for group in self.groups[: among.start])
        if self.heads == "task" and len(among) > 1:
            columns = self.task_of[start : start + scores.shape[1]]
            scores = scores.masked_fill(columns != index[:, None], IMPOSSIBLE)
        return scores, positions - start

    def responses(self, images: Tensor, groups: Sequence[int]) -> list[Tensor]:
        """Return the logits of these groups' heads on any images, (n, heads, classes), one tensor per head size.

        Unless ``heads="task"``, all count as one head. Within a training step, the features that `loss` computed for
        the same images are reused.
        """
        present = self._groups_of[-1][-1]
        last = range(present, present + 1)
        index = torch.full((len(images),), last.start, device=images.device)
        features = self._seen[1] if self._seen and self._seen[0] is images else self._features(images, index, last)
        wanted = [0] if self.heads == "domain" else list(groups)
        if self.heads == "task":
            return self.head.alike(features, wanted, [len(self.groups[group]) for group in wanted])
        return [self.head.joined(features, wanted).unsqueeze(1)]

    def predict(self, images: Tensor, classes: Tensor) -> Tensor:
        """Return the predicted class of each image, (n,). The true ``classes`` serve only to look up the task."""
        positions = self.position[classes]
        scores, right = self.logits(images, positions)
        return torch.tensor(self.classes, device=scores.device)[scores.argmax(1) - right + positions]

    def shared(self) -> dict[str, Parameter]:
        parts = {"trunk": self.trunk, **({"head": self.head} if self.heads == "domain" else {})}
        return {f"{part}.{name}": p for part, module in parts.items() for name, p in module.named_parameters()}

    def own(self, task: int) -> dict[str, Parameter]:
        if self.heads == "domain":
            return {}
        groups = self.groups_of([task])
        return {f"head.{group}.{name}": p for group in groups for name, p in self.head[group].named_parameters()}

    def layers(self) -> list[Layer]:
        """Return the layers of units, first to last; a shared head comes last."""
        head = (len(self.tasks[0]) if self.tasks else 0) if self.heads == "domain" else None
        return layers_of(self.trunk, head)

    def phases(self, tasks: Sequence[int]) -> list[Phase]:
        step = Phase("classifier", [*self.shared().values(), *self.own_of(tasks)], self.loss, moves_shared=True)
        return [step] if self.generator is None else [step, *beside(self.generator, tasks, *self._beside)]

    def retrainable(self, tasks: Sequence[int]) -> list[Parameter]:
        """Return the old heads, or the old rows of the growing head."""
        return self.own_of(tasks)

    def loss(self, batch: Batch, step: int, random: RandomSource) -> Tensor:
        """Return the cross-entropy with the classes or, if the batch has ``beliefs`` (n, columns), with these
        probabilities of the first columns. A sample whose row is zero keeps its class as target."""
        for dropout in self._dropouts:
            dropout.random = random
        scores, right = self.logits(batch.inputs, self.position[batch.classes], batch.tasks)
        beliefs = batch.extra.get("beliefs")
        if beliefs is None:
            return F.cross_entropy(scores, right)
        beliefs = F.pad(beliefs, (0, scores.shape[1] - beliefs.shape[1]))
        targets = torch.where(beliefs.sum(1, keepdim=True) > 0, beliefs, F.one_hot(right, scores.shape[1]))
        return F.cross_entropy(scores, targets)

    def probe(self, task: Task, n: int | None, random: RandomSource) -> Batch:
        every = torch.arange(len(task.train), device=random.device)
        rows = every if n is None or n >= len(every) else random.choice(every, n)
        parts = tuple(part.index for part in task.parts)
        return Batch.of_split(task.train, rows, parts)

    def scalars(self, kind: ScalarKind, batch: Batch, random: RandomSource) -> Tensor:
        scores, right = self.logits(batch.inputs, self.position[batch.classes], batch.tasks)
        if kind == "sensitivity":
            scores = scores.masked_fill(scores == IMPOSSIBLE, 0)
        return softmax_scalars(kind, scores, right, batch.extra.get("chances"))

    def sampled_targets(self, batch: Batch, random: RandomSource) -> Batch:
        return batch.having(chances=random.uniform(len(batch)))

    def possible_targets(self, batch: Batch) -> Iterator[tuple[Batch, Tensor]]:
        beliefs, classes = beliefs_of(self, batch)
        for column in range(beliefs.shape[1]):
            yield replace(batch, classes=classes[:, column]), beliefs[:, column]
