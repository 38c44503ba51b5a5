"""The floor of a distance: what real images score that were not generated at all."""

from __future__ import annotations

import torch
from torch import Tensor

from gencl.core.randomness import permutation
from gencl.datasets.dataset import Split
from gencl.metrics.reading import Reading
from gencl.metrics.snapshot import Snapshot
from gencl.scenarios.task import Task


class RealSnapshot(Snapshot):
    """Real training images in place of generated ones, as many of each class, or all where there are fewer.

    They are drawn by a fixed seed, so that all runs on the same tasks have one floor. No score of a generator is much
    better, save where it copies its training images. A distance above 0 here comes from the number of images, and from
    what tells the training images from the held-out ones.
    """

    def drawn(self, task: Task) -> Split:
        """The training images that stand for generated ones, class after class."""
        return self.once(("drawn", task.index), lambda: self._drawn(task))

    def _drawn(self, task: Task) -> Split:
        labels = task.train.labels
        order = permutation(len(labels), "floor", task.index).to(labels.device)
        if task.mixture:
            return task.train.select(order[: self.conditions.samples])
        wanted = zip(task.classes, self.counts_of(task), strict=True)
        return task.train.select(torch.cat([order[labels[order] == c][:n] for c, n in wanted]))

    def classes_of(self, task: Task) -> Tensor:
        """The classes of the real images."""
        return self.drawn(task).labels

    def generated(self, task: Task) -> Reading:
        """The real images, as the extractor reads them; cached by their content."""
        return self.real(("generated", task.index), self.drawn(task))
