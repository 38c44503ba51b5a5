"""The base class of metrics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from torch import nn

from gencl.learners.capabilities import GENERATOR
from gencl.learners.learner import Learner
from gencl.metrics.figures import Better, Figure
from gencl.metrics.snapshot import Snapshot
from gencl.metrics.transfer import Matrix, final
from gencl.scenarios.task import Scenario, Task

When = Literal["always", "at the end", "on request"]


class Metric(ABC):
    """The base class of metrics. A metric is measured on every task learned so far.

    A metric that is measured after each task fills a matrix of the same name.
    """

    name: str

    figures: ClassVar[Mapping[str, Figure]] = {}
    """Describes its own value, under its name, and each figure of its summaries: label, unit, which way is better,
    meaning. Tables, comparisons and reports read this."""

    better: ClassVar[Better]
    """Which way is better, for a metric that declares no ``figures``. Its value is then shown as a plain number."""

    when: ClassVar[When] = "always"
    """When it is measured: after each task, once after the last one, or only if `gencl evaluate` asks for it."""

    reads_classes: ClassVar[bool] = False
    """Whether it needs a classifier that tells which class an image shows. If classes were added later, which the
    classifier does not know, the metric is left out."""

    of_features: ClassVar[bool] = False
    """Whether few images bias it as they bias FD."""

    pools: ClassVar[bool] = False
    """Whether it measures all tasks up to a task together (`Snapshot.group`) if tasks have too few held-out images."""

    of_few: ClassVar[bool] = False
    """Whether it works with few images. It is then measured after each task if FD has to pool tasks."""

    of_images: ClassVar[bool] = False
    """Whether it looks at images alone, so that it can be measured on real ones to give the floor."""

    ahead: ClassVar[str] = ""
    """The name of its figure of zero-shot transfer, or empty. If given, each task is also measured before it is
    learned, on the learner and on an untrained one (`gencl.metrics.transfer.zero_shot`)."""

    pooled: bool = False
    """Whether R[i][j] covers the tasks up to j together. The evaluator sets it."""

    keeps_features: ClassVar[bool] = False
    """Whether it needs the features themselves, not only their mean and covariance."""

    perceptual: ClassVar[bool] = False
    """Whether it needs LPIPS."""

    @staticmethod
    @abstractmethod
    def applies(learner: Learner, extractor: nn.Module | None) -> str:
        """Return why it cannot be measured on this learner with this extractor; empty if it can."""

    @staticmethod
    def suits(scenario: Scenario) -> str:
        """Return why it cannot be measured on these tasks; empty if it can."""
        return ""

    @abstractmethod
    def measure(self, snapshot: Snapshot, task: Task) -> float | None:
        """Return the value on one task, or None if it is undefined. All processes take part."""

    def summary(self, matrix: Matrix) -> dict[str, float | None]:
        """Return the figures that follow from the whole matrix; None for undefined ones."""
        return {self.name: self.at_end(matrix)}

    def overall(self, values: Sequence[float | None]) -> float | None:
        """Return one value for all tasks: the mean of the defined ones, or the last if tasks are pooled."""
        defined = [value for value in values if value is not None]
        if self.pooled:
            return values[-1]
        return sum(defined) / len(defined) if defined else None

    def at_end(self, matrix: Matrix) -> float | None:
        """Return the value over all tasks after the last one: a mean, or the last entry if tasks are pooled."""
        return (matrix[-1][-1] if matrix else None) if self.pooled else final(matrix)

    def final_summary(self, snapshot: Snapshot, tasks: list[Task]) -> dict[str, float | None]:
        """Return the figures that need the learner once more, after the last task."""
        return {}


def needs_generator(learner: Learner) -> str:
    """Return why a metric of generators cannot be measured; empty if it can."""
    return "" if GENERATOR.of(learner) is not None else "it measures generators"


def needs_extractor(learner: Learner, extractor: nn.Module | None) -> str:
    """Return why a metric of generated images' features cannot be measured; empty if it can."""
    return needs_generator(learner) or ("" if extractor is not None else "no feature extractor suits its images")
