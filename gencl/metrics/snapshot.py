"""A learner at one moment, as metrics see it: what it generates is made and read once and shared by all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from gencl.datasets.dataset import Split
from gencl.metrics.statistics import Statistics, cached_statistics, statistics_of
from gencl.models.learner import GenerativeLearner, Learner
from gencl.scenarios.task import Task

FEWEST_REFERENCES = 100
"""With fewer held-out images than this, a task's training images are the reference."""


@dataclass(frozen=True)
class Reading:
    """What the extractor found in a task's generated images: statistics of the features, and right answers' share."""

    statistics: Statistics
    accuracy: float


class Snapshot:
    """The learner as it is now. Draws with generators of its own: training's random state is not touched.

    Args:
        learner: in evaluation mode while it is looked at.
        extractor: torch-fidelity feature extractor with "logits" among its features, or None.
        samples: generated images a task, equally many of each class.
        seed: the same seed gives the same latents for a task at every time.
        split: "test" or "validation", the real images to compare with.
    """

    def __init__(
        self,
        learner: Learner,
        extractor: nn.Module | None,
        samples: int,
        seed: int,
        split: str = "test",
        batch_size: int = 500,
    ) -> None:
        self.learner, self.extractor = learner, extractor
        self.samples, self.seed, self.split, self.batch_size = samples, seed, split, batch_size
        self._readings: dict[int, Reading] = {}

    @property
    def device(self) -> torch.device:
        return self.learner.position.device

    def held_out_part(self, task: Task) -> Split:
        """The real images of the chosen split."""
        return task.validation if self.split == "validation" else task.test

    def held_out(self, task: Task) -> tuple[Tensor, Tensor]:
        """Real images (uint8) and labels of the chosen split."""
        part = self.held_out_part(task)
        return part.images, part.labels

    def reference_split(self, task: Task) -> str:
        """Which real images generated ones are compared with: the chosen split, or "train" where it is too small."""
        return self.split if len(self.held_out(task)[0]) >= FEWEST_REFERENCES else "train"

    def reference(self, task: Task) -> Statistics:
        """Feature statistics of the task's real images, cached by their content."""
        assert self.extractor is not None
        part = task.train if self.reference_split(task) == "train" else getattr(task, self.split)
        return cached_statistics(self.extractor, part, self.batch_size)

    def classes_of(self, task: Task) -> Tensor:
        """The classes asked for, equally many of each: (samples,) rounded down to a multiple of the classes."""
        each = max(1, self.samples // len(task.classes))
        return torch.tensor(task.classes, device=self.device).repeat_interleave(each)

    def generated(self, task: Task) -> Reading:
        """Generated images of the task's classes, as the extractor reads them."""
        if task.index not in self._readings:
            self._readings[task.index] = self._read(task)
        return self._readings[task.index]

    @torch.no_grad()
    def _read(self, task: Task) -> Reading:
        extractor = self.extractor
        assert extractor is not None
        learner = cast(GenerativeLearner, self.learner)
        classes = self.classes_of(task)
        latents = learner.latents(len(classes), self.seed, "evaluation", task.index)
        right = 0

        def features() -> Iterator[Tensor]:
            nonlocal right
            for rows in torch.arange(len(classes), device=self.device).split(self.batch_size):
                found, logits = extractor(to_uint8(learner.generate(classes[rows], latents[rows])))
                right += int((logits.argmax(1) == classes[rows]).sum())
                yield found

        return Reading(statistics_of(features()), right / len(classes))


def to_uint8(images: Tensor) -> Tensor:
    """Images in [0, 1] to 0 ... 255, rounded."""
    return (images.clamp(0, 1) * 255).round().to(torch.uint8)
