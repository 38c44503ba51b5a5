"""What a metric is, and what it looks at."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from gencl.metrics.snapshot import Snapshot
from gencl.metrics.transfer import Matrix
from gencl.models.learner import Learner
from gencl.scenarios.task import Task


class Metric(ABC):
    """Measured on every task learned so far, after each task; its values make a matrix of the same name."""

    name: ClassVar[str]
    better: ClassVar[str]
    """``"higher"`` or ``"lower"``."""

    reads_classes: ClassVar[bool] = False
    """Whether it asks the extractor which class an image shows: an extractor knows no class that was added later."""

    @staticmethod
    @abstractmethod
    def applies(learner: type[Learner] | Learner, has_reader: bool) -> bool:
        """Whether it can be measured on this learner, given whether an extractor suits the images."""

    @abstractmethod
    def measure(self, snapshot: Snapshot, task: Task) -> float:
        """The value on one task."""

    @abstractmethod
    def summary(self, matrix: Matrix) -> dict[str, float | None]:
        """Figures that follow from the whole matrix; None where they are not defined."""

    def final_summary(self, snapshot: Snapshot, tasks: list[Task]) -> dict[str, float | None]:
        """Figures that need the learner once more, after the last task."""
        return {}
