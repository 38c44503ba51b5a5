"""What a metric is, and what it looks at."""

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
    """Measured on every task learned so far; one that is measured after each task has a matrix of the same name."""

    name: str

    figures: ClassVar[Mapping[str, Figure]] = {}
    """What is to be known about its own value, under its name, and about each figure of its summaries: label, unit,
    which way is better, meaning. Tables, comparisons and reports read that."""

    better: ClassVar[Better]
    """Which way is better, of a metric that declares no ``figures`` (its value is then shown as a plain number)."""

    when: ClassVar[When] = "always"
    """After each task; once, after the last one; or only where `gencl evaluate` is asked for it."""

    reads_classes: ClassVar[bool] = False
    """Whether it asks the extractor which class an image shows: an extractor knows no class that was added later."""

    of_features: ClassVar[bool] = False
    """Whether few images bias it as they bias FD."""

    pools: ClassVar[bool] = False
    """Whether its value on a task is that of all tasks up to it together (`Snapshot.group`) where a task has too few
    held-out images."""

    of_few: ClassVar[bool] = False
    """Whether it serves few images, and is measured after each task where FD is not defined for a task alone."""

    of_images: ClassVar[bool] = False
    """Whether it looks at images alone, so that it can be measured on real ones: the floor."""

    ahead: ClassVar[str] = ""
    """The figure of zero-shot transfer that follows where a task is measured before it is learned, too, on the learner
    and on an untrained one (`gencl.metrics.transfer.zero_shot`); empty: it is not."""

    pooled: bool = False
    """Whether R[i][j] is of the tasks up to j together, as the evaluator decides."""

    keeps_features: ClassVar[bool] = False
    """Whether it needs the features themselves, not only their mean and covariance."""

    perceptual: ClassVar[bool] = False
    """Whether it needs LPIPS."""

    @staticmethod
    @abstractmethod
    def applies(learner: Learner, extractor: nn.Module | None) -> str:
        """Why it cannot be measured on this learner with this extractor; nothing where it can."""

    @staticmethod
    def suits(scenario: Scenario) -> str:
        """Why it cannot be measured on these tasks; nothing where it can."""
        return ""

    @abstractmethod
    def measure(self, snapshot: Snapshot, task: Task) -> float | None:
        """The value on one task; None where it is not defined. All processes take part."""

    def summary(self, matrix: Matrix) -> dict[str, float | None]:
        """Figures that follow from the whole matrix; None where they are not defined."""
        return {self.name: self.at_end(matrix)}

    def overall(self, values: Sequence[float | None]) -> float | None:
        """One figure for the values on all tasks: their mean, or the last where tasks are pooled."""
        defined = [value for value in values if value is not None]
        if self.pooled:
            return values[-1]
        return sum(defined) / len(defined) if defined else None

    def at_end(self, matrix: Matrix) -> float | None:
        """The figure over all tasks after the last one: a mean, or that of all together where tasks are pooled."""
        return (matrix[-1][-1] if matrix else None) if self.pooled else final(matrix)

    def final_summary(self, snapshot: Snapshot, tasks: list[Task]) -> dict[str, float | None]:
        """Figures that need the learner once more, after the last task."""
        return {}


def needs_generator(learner: Learner) -> str:
    """Why a metric of generators cannot be measured."""
    return "" if GENERATOR.of(learner) is not None else "it measures generators"


def needs_extractor(learner: Learner, extractor: nn.Module | None) -> str:
    """Why a metric of generated images' features cannot be measured."""
    return needs_generator(learner) or ("" if extractor is not None else "no feature extractor suits its images")
