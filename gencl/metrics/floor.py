"""The floor of a distance: the score of real training images in place of generated ones."""

from __future__ import annotations

import torch
from torch import Tensor

from gencl.core.randomness import permutation
from gencl.datasets.dataset import Split
from gencl.metrics.reading import Reading
from gencl.metrics.snapshot import Snapshot
from gencl.scenarios.task import Task


class RealSnapshot(Snapshot):
    """Real training images in place of generated ones, equally many of each class, or all if there are fewer.

    A fixed seed draws them, so that all runs on the same tasks share one floor. No generator scores much better, unless
    it copies its training images. The floor is above 0 because images are few, and because training and held-out images
    differ.
    """

    def drawn(self, task: Task) -> Split:
        """Return the training images that replace generated ones, class after class unless the task has a mixture."""
        return self.once(("drawn", task.index), lambda: self._drawn(task))

    def _drawn(self, task: Task) -> Split:
        labels = task.train.labels
        order = permutation(len(labels), "floor", task.index).to(labels.device)
        if task.mixture:
            return task.train.select(order[: self.conditions.samples])
        wanted = zip(task.classes, self.counts_of(task), strict=True)
        return task.train.select(torch.cat([order[labels[order] == c][:n] for c, n in wanted]))

    def classes_of(self, task: Task) -> Tensor:
        """Return the classes of the real images, (n,) int64."""
        return self.drawn(task).labels

    def generated(self, task: Task) -> Reading:
        """Return the reading of the real images, which is cached by their content."""
        return self.real(("generated", task.index), self.drawn(task))
