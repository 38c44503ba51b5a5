"""A learner at one moment, as metrics see it: what it generates is made and read once and shared by all of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from gencl.core.processes import Processes
from gencl.core.shares import apportioned
from gencl.datasets.dataset import Split
from gencl.learners.capabilities import GENERATOR
from gencl.learners.learner import Learner
from gencl.metrics.perceptual import Perceptual
from gencl.metrics.reading import Reading, read
from gencl.metrics.real import read_real
from gencl.metrics.statistics import Statistics
from gencl.scenarios.task import Task

FEWEST_HELD_OUT = 100
"""With fewer held-out images than this, a task's FD means nothing, and tasks are pooled."""
DRIFT_IMAGES = 64
"""So many images of a task, as they were when it had been learned, are kept for measuring drift."""

T = TypeVar("T")


@dataclass(frozen=True)
class Conditions:
    """What scores depend on, beside the learner and the real images.

    Args:
        samples: generated images a task, equally many of each class.
        seed: the same seed gives the same latents for a task at every time.
        split: "test" or "validation", the held-out images to compare with. Training images never are.
        pool: where a task has fewer than 100 held-out images, the number of generated images per class that enter FD,
            precision and recall, which then compare all tasks up to one together; 0: each task is compared alone.
        batch_size: images that are generated and read at a time: changes memory, not scores.
        extractor: torch-fidelity feature extractor of features and logits, in this order, or None.
        reader: what reads the images' classes, the extractor itself or another, or None.
        perceptual: what LPIPS is measured by, or None.
        processes: those that measure together.
        learned: the images of a task as they were when it had been learned, (n, c, h, w) uint8, or None.
    """

    samples: int
    seed: int
    split: str = "test"
    pool: int = 0
    batch_size: int = 500
    extractor: nn.Module | None = None
    reader: nn.Module | None = None
    perceptual: Perceptual | None = None
    processes: Processes = field(default_factory=Processes)
    learned: Callable[[Task], Tensor | None] = lambda _: None


class Snapshot:
    """The learner as it is now. Draws with generators of its own: training's random state is not touched.

    Args:
        learner: in evaluation mode while it is looked at.
        conditions: what scores depend on.
        tasks: those learned so far, for metrics that look at all of them at once.
        keep: whether features and logits are kept, for metrics that need more than their mean and covariance.
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
        """What ``make`` gives, made only once: metrics that share work ask for it under the same key."""
        if key not in self._memo:
            self._memo[key] = make()
        return cast(T, self._memo[key])

    def read_by(self, extractor: nn.Module) -> Snapshot:
        """Return the same learner's images as another extractor reads them: generated again, and so the same."""

        def made() -> Snapshot:
            return type(self)(self.learner, replace(self.conditions, extractor=extractor), self.tasks, keep=True)

        return self.once(("read by", extractor), made)

    def held_out_part(self, task: Task) -> Split:
        """The real images of the chosen split."""
        return task.validation if self.conditions.split == "validation" else task.test

    def reference_part(self, task: Task) -> Split:
        """The real images that generated ones are compared with: all that are held out, never training images."""
        return self.held_out_part(task)

    def reference(self, task: Task) -> Reading:
        """The task's held-out images, as the extractor reads them; cached by their content."""
        extractor, processes = self.conditions.extractor, self.conditions.processes
        assert extractor is not None
        part = self.reference_part(task)
        return self.once(
            ("reference", task.index), lambda: read_real(extractor, part, self.batch_size, processes, self.keep)
        )

    def classes_of(self, task: Task) -> Tensor:
        """The classes asked for, equally many of each: (samples,) rounded down to a multiple of the classes; of a task
        with a mixture as many as that says."""
        classes, counts = (torch.tensor(some, device=self.device) for some in (task.classes, self.counts_of(task)))
        return classes.repeat_interleave(counts)

    def counts_of(self, task: Task) -> list[int]:
        """How many images of each of the task's classes are asked for."""
        if task.mixture:
            return apportioned(self.conditions.samples, task.mixture, least=1)
        return [max(1, self.conditions.samples // len(task.classes))] * len(task.classes)

    def measured_on(self, task: Task) -> Tensor:
        """The classes of the images that a task is measured on: generated ones, or held-out ones of a classifier."""
        return self.held_out_part(task).labels if GENERATOR.of(self.learner) is None else self.classes_of(task)

    def latents_of(self, task: Task) -> Tensor:
        """A latent for each of `classes_of`, the same at every time."""
        learner = GENERATOR(self.learner)
        return self.once(
            ("latents", task.index),
            lambda: learner.latents(len(self.classes_of(task)), self.conditions.seed, "evaluation", task.index),
        )

    @torch.no_grad()
    def images(self, task: Task, rows: Tensor) -> Tensor:
        """The generated images of these rows of `classes_of` and `latents_of`, uint8."""
        learner, classes = GENERATOR(self.learner), self.classes_of(task)
        with torch.autocast(self.device.type, enabled=False):
            return to_uint8(learner.generate(classes[rows], self.latents_of(task)[rows]))

    def generated(self, task: Task) -> Reading:
        """Generated images of the task's classes, as the extractor reads them."""
        extractor, n = self.conditions.extractor, len(self.classes_of(task))
        assert extractor is not None

        def read_generated() -> Reading:
            make = lambda rows: self.images(task, rows)  # noqa: E731
            return read(extractor, n, make, self.batch_size, self.device, self.conditions.processes, self.keep)

        return self.once(("generated", task.index), read_generated)

    def answers(self, task: Task) -> Tensor:
        """The class that the reader sees in each of the task's generated images, (samples,)."""
        reader = self.conditions.reader
        by = self if reader is None or reader is self.conditions.extractor else self.read_by(reader)
        return by.generated(task).answers

    def both_features(self, task: Task) -> tuple[Tensor, Tensor]:
        """The features (n, d) of a task's generated and of its held-out images; of a snapshot that keeps them."""
        generated, real = self.generated(task).features, self.reference(task).features
        assert generated is not None and real is not None
        return generated, real

    def group(self, task: Task) -> list[Task]:
        """The tasks that are compared together on behalf of this one: it alone or, pooled, all up to it."""
        return [other for other in self.tasks if other.index <= task.index] if self.conditions.pool else [task]

    def sides(self, tasks: Sequence[Task]) -> tuple[Statistics, Statistics]:
        """Statistics of the generated and of the held-out images of these tasks together.

        Pooled, every class has the same weight on both sides, however many of its images are held out: a mixture of
        other shares is at a distance even where every class is perfect. Where tasks are mixtures of classes, every task
        has the same weight.
        """
        if not self.conditions.pool:
            both = [(self.generated(task).statistics, self.reference(task).statistics) for task in tasks]
            if any(task.mixture for task in tasks) and all(other.n for _, other in both):
                return Statistics.balanced([one for one, _ in both]), Statistics.balanced([other for _, other in both])
            return Statistics.sum(one for one, _ in both), Statistics.sum(other for _, other in both)
        classes = _of_each_class(self._class_statistics(task) for task in tasks)
        return Statistics.balanced([one for one, _ in classes]), Statistics.balanced([other for _, other in classes])

    def features_of(self, tasks: Sequence[Task]) -> tuple[Tensor, Tensor]:
        """The features (n, d) of the generated and of the held-out images of these tasks together."""
        if not self.conditions.pool:
            both = [self.both_features(task) for task in tasks]
        else:
            both = _of_each_class(self._by_class(task) for task in tasks)
        return torch.cat([one for one, _ in both]), torch.cat([other for _, other in both])

    def _class_statistics(self, task: Task) -> dict[int, tuple[Statistics, Statistics]]:
        """Those of each of `_by_class`."""
        return self.once(
            ("by class", task.index),
            lambda: {c: (Statistics.of(one), Statistics.of(other)) for c, (one, other) in self._by_class(task).items()},
        )

    def _by_class(self, task: Task) -> dict[int, tuple[Tensor, Tensor]]:
        """For each class of a task, the features of the generated images that enter the pool, and of the held-out ones.
        A class without held-out images is left out. A mixture of classes is one, under a number that is no class."""
        generated, real = self.both_features(task)
        if task.mixture:
            return {-1 - task.index: (generated, real)} if len(real) else {}
        made, held_out = self.classes_of(task), self.held_out_part(task).labels
        pairs = {c: (generated[made == c][: self.conditions.pool], real[held_out == c]) for c in task.classes}
        return {c: pair for c, pair in pairs.items() if min(map(len, pair)) > 0}

    def sampled(self, task: Task) -> Tensor:
        """A few generated images of a task, uint8, whatever ``samples`` is: what drift is measured on."""
        return self.once(("sampled", task.index), lambda: self._sampled(task))

    @torch.no_grad()
    def _sampled(self, task: Task) -> Tensor:
        learner, n = GENERATOR(self.learner), DRIFT_IMAGES
        classes = torch.tensor(task.classes, device=self.device).repeat(-(-n // len(task.classes)))[:n]
        latents = learner.latents(n, self.conditions.seed, "drift", task.index)
        with torch.autocast(self.device.type, enabled=False):
            return to_uint8(learner.generate(classes, latents))


def _of_each_class(tasks: Iterable[Mapping[int, T]]) -> list[T]:
    """What there is of each class, once: it is the same in a task that comes back."""
    found: dict[int, T] = {}
    for task in tasks:
        found |= {key: value for key, value in task.items() if key not in found}
    return list(found.values())


def to_uint8(images: Tensor) -> Tensor:
    """Images in [0, 1] to 0 ... 255, rounded."""
    return (images.clamp(0, 1) * 255).round().to(torch.uint8)
