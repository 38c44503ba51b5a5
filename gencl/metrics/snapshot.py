"""A learner at one moment, as metrics see it: its images are generated and read once, and all metrics share them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from gencl.core.shares import apportioned
from gencl.datasets.dataset import Split
from gencl.learners.capabilities import GENERATOR
from gencl.learners.learner import Learner, predicting
from gencl.metrics.conditions import Conditions
from gencl.metrics.reading import Reading, read
from gencl.metrics.real import read_real
from gencl.metrics.statistics import Statistics
from gencl.scenarios.task import Task

FEWEST_HELD_OUT = 100
"""With fewer held-out images than this, the FD of a single task means nothing, so tasks are pooled."""
DRIFT_IMAGES = 64
"""Images per task on which drift is measured; a run keeps them as they were right after learning the task."""

T = TypeVar("T")
_Pooled = tuple[int, tuple[int, ...]]
"""A class, and the indices of the pooled tasks that contain it."""


class Snapshot:
    """The learner as it is now. It has its own random generators, so training's random state is not touched.

    Args:
        learner: the learner; metrics that call it directly need it in evaluation mode.
        conditions: the settings and networks that scores depend on.
        tasks: the tasks learned so far, for metrics that look at all of them at once.
        keep: whether to keep features and logits, for metrics that need more than mean and covariance.
    """

    def __init__(self, learner: Learner, conditions: Conditions, tasks: Sequence[Task], keep: bool = False) -> None:
        self.learner, self.conditions, self.tasks, self.keep = learner, conditions, list(tasks), keep
        self._memo: dict[Hashable, object] = {}

    @property
    def device(self) -> torch.device:
        return self.learner.position.device

    @property
    def batch_size(self) -> int:
        return self.conditions.batch_size

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the result of ``make``, computed once per ``key``: metrics share work under the same key."""
        if key not in self._memo:
            self._memo[key] = make()
        return cast(T, self._memo[key])

    def read_by(self, extractor: nn.Module) -> Snapshot:
        """Return a snapshot that reads the same images, generated again, with another extractor."""

        def made() -> Snapshot:
            return type(self)(self.learner, replace(self.conditions, extractor=extractor), self.tasks, keep=True)

        return self.once(("read by", extractor), made)

    def held_out_part(self, task: Task) -> Split:
        """Return the real images that generated ones are compared with: all held-out images of the chosen split,
        never training images."""
        return task.validation if self.conditions.split == "validation" else task.test

    def reference(self, task: Task) -> Reading:
        """Return the reading of the task's held-out images, which is cached by their content."""
        return self.real(("reference", task.index), self.held_out_part(task))

    def real(self, key: Hashable, part: Split, keep: bool = False) -> Reading:
        """Return the reading of real images, which is cached by their content and computed `once` per ``key``.

        ``keep``: keep their features even if the snapshot keeps none.
        """
        extractor, processes, keep = self.conditions.extractor, self.conditions.processes, keep or self.keep
        assert extractor is not None
        return self.once(key, lambda: read_real(extractor, part, self.batch_size, processes, keep))

    def classes_of(self, task: Task) -> Tensor:
        """Return the class of each image to generate, (n,) int64, class after class, in the numbers of `counts_of`."""

        def repeated() -> Tensor:
            classes, counts = (torch.tensor(some, device=self.device) for some in (task.classes, self.counts_of(task)))
            return classes.repeat_interleave(counts)

        return self.once(("classes", task.index), repeated)

    def counts_of(self, task: Task) -> list[int]:
        """Return how many images of each of the task's classes to generate.

        The classes have the shares of the task's mixture or, if it is compared alone, of its held-out images. Other
        shares would give a distance above 0 even for perfect images. Pooled classes have equal numbers.
        """
        if task.mixture:
            return apportioned(self.conditions.samples, task.mixture, least=1)
        each = max(1, self.conditions.samples // len(task.classes))
        held_out = self.held_out_part(task).labels
        shares = [int((held_out == c).sum()) for c in task.classes]
        if self.conditions.pool or not sum(shares):
            return [each] * len(shares)
        return apportioned(each * len(shares), [share / sum(shares) for share in shares], least=1)

    def measured_on(self, task: Task) -> Tensor:
        """Return the classes of the images that a task is measured on: generated ones, or held-out ones if none are."""
        return self.held_out_part(task).labels if GENERATOR.of(self.learner) is None else self.classes_of(task)

    def latents_of(self, task: Task) -> Tensor:
        """Return one latent per entry of `classes_of`, the same each time a task is measured."""
        learner = GENERATOR(self.learner)
        return self.once(
            ("latents", task.index),
            lambda: learner.latents(len(self.classes_of(task)), self.conditions.seed, "evaluation", task.index),
        )

    @torch.no_grad()
    def images(self, task: Task, rows: Tensor) -> Tensor:
        """Return the generated images of these rows of `classes_of` and `latents_of`, uint8 (rows, c, h, w)."""
        learner, classes = GENERATOR(self.learner), self.classes_of(task)
        with predicting(self.learner), torch.autocast(self.device.type, enabled=False):
            return to_uint8(learner.generate(classes[rows], self.latents_of(task)[rows]))

    def generated(self, task: Task) -> Reading:
        """Return the extractor's reading of generated images of the task's classes."""
        extractor, n = self.conditions.extractor, len(self.classes_of(task))
        assert extractor is not None

        def read_generated() -> Reading:
            make = lambda rows: self.images(task, rows)  # noqa: E731
            return read(extractor, n, make, self.batch_size, self.device, self.conditions.processes, self.keep)

        return self.once(("generated", task.index), read_generated)

    def answers(self, task: Task) -> Tensor:
        """Return the class that the classifier assigns to each of the task's generated images, (n,) int64."""
        reader = self.conditions.reader
        by = self if reader is None or reader is self.conditions.extractor else self.read_by(reader)
        return by.generated(task).answers

    def both_features(self, task: Task) -> tuple[Tensor, Tensor]:
        """Return the features (n, d) of a task's generated and of its held-out images. The snapshot must keep them."""
        generated, real = self.generated(task).features, self.reference(task).features
        assert generated is not None and real is not None
        return generated, real

    def group(self, task: Task) -> list[Task]:
        """Return the tasks that are compared together for this one: itself or, if pooled, all tasks up to it."""
        return [other for other in self.tasks if other.index <= task.index] if self.conditions.pool else [task]

    def sides(self, tasks: Sequence[Task]) -> tuple[Statistics, Statistics]:
        """Return the statistics of the generated and of the held-out images of these tasks together.

        Every task has the same weight on both sides or, if pooled, every class, however many of its images are held
        out. Different weights would give a distance above 0 even for perfect images.
        """
        if self._apart(tasks):
            every = [(self.generated(task).statistics, self.reference(task).statistics) for task in tasks]
            both = [pair for pair in every if pair[1].n] or every
        else:
            both = [self._statistics(key, pair) for key, pair in self._by_class(tasks).items()]
        if len(both) == 1:
            return both[0]
        return Statistics.balanced([one for one, _ in both]), Statistics.balanced([other for _, other in both])

    def features_of(self, tasks: Sequence[Task]) -> tuple[Tensor, Tensor]:
        """Return the features (n, d) of the generated and of the held-out images of these tasks together.

        A held-out image of several tasks is included once: a copy would be its own nearest neighbour.
        """
        if self._apart(tasks):
            every = [self.both_features(task) for task in tasks]
            every = [(made, real[fresh]) for (made, real), fresh in zip(every, self.first_shown(tasks), strict=True)]
            both = [pair for pair, task in zip(every, tasks, strict=True) if len(self.held_out_part(task))] or every
        else:
            both = list(self._by_class(tasks).values())
        return torch.cat([one for one, _ in both]), torch.cat([other for _, other in both])

    def _apart(self, tasks: Sequence[Task]) -> bool:
        """Return whether tasks are combined task by task, not class by class: unpooled tasks and class mixtures are."""
        return not self.conditions.pool or any(task.mixture for task in tasks)

    def first_shown(self, tasks: Sequence[Task]) -> list[Tensor]:
        """Return for each task a mask (n,) of those of its held-out images that no earlier task in this list has.

        Tasks that have classes in common may share images.
        """
        return self.once(("first shown", *(task.index for task in tasks)), lambda: self._first_shown(tasks))

    def _first_shown(self, tasks: Sequence[Task]) -> list[Tensor]:
        parts = [self.held_out_part(task) for task in tasks]
        classes = [c for task in tasks for c in task.classes]
        if len(set(classes)) == len(classes):
            return [torch.ones(len(part), dtype=torch.bool, device=part.labels.device) for part in parts]
        seen: set[bytes] = set()
        fresh: list[Tensor] = []
        for task, part in zip(tasks, parts, strict=True):
            prints = self.once(("prints", task.index), part.prints)
            fresh.append(torch.tensor([one not in seen for one in prints], dtype=torch.bool).to(part.labels.device))
            seen.update(prints)
        return fresh

    def _statistics(self, key: _Pooled, pair: tuple[Tensor, Tensor]) -> tuple[Statistics, Statistics]:
        """Return the statistics of an entry of `_by_class`."""
        return self.once(("statistics", *key), lambda: (Statistics.of(pair[0]), Statistics.of(pair[1])))

    def _by_class(self, tasks: Sequence[Task]) -> dict[_Pooled, tuple[Tensor, Tensor]]:
        """Return, for each class of these tasks, the features of its generated images in the pool and of its held-out
        images, each once. If several tasks have a class, that with most images fills the pool. A class without held-out
        images is left out."""
        made: dict[int, Tensor] = {}
        real: dict[int, list[Tensor]] = {}
        for task, fresh in zip(tasks, self.first_shown(tasks), strict=True):
            generated, held_out = self.both_features(task)
            drawn, labels = self.classes_of(task), self.held_out_part(task).labels
            for c in task.classes:
                mine = generated[drawn == c][: self.conditions.pool]
                if c not in made or len(mine) > len(made[c]):
                    made[c] = mine
                real.setdefault(c, []).append(held_out[(labels == c) & fresh])
        of_class = {c: tuple(task.index for task in tasks if c in task.classes) for c in made}
        both = {(c, of_class[c]): (made[c], torch.cat(real[c])) for c in made}
        return {key: pair for key, pair in both.items() if min(map(len, pair)) > 0}

    def sampled(self, task: Task) -> Tensor:
        """Return `DRIFT_IMAGES` generated images of a task, uint8, whatever ``samples`` is, to measure drift."""
        return self.once(("sampled", task.index), lambda: self._sampled(task))

    @torch.no_grad()
    def _sampled(self, task: Task) -> Tensor:
        learner, n = GENERATOR(self.learner), DRIFT_IMAGES
        classes = torch.tensor(task.classes, device=self.device).repeat(-(-n // len(task.classes)))[:n]
        latents = learner.latents(n, self.conditions.seed, "drift", task.index)
        with predicting(self.learner), torch.autocast(self.device.type, enabled=False):
            return to_uint8(learner.generate(classes, latents))


def to_uint8(images: Tensor) -> Tensor:
    """Return images in [0, 1] as uint8 in 0 ... 255, rounded."""
    return (images.clamp(0, 1) * 255).round().to(torch.uint8)
