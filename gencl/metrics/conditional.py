"""Does the generator draw what it is asked for?"""

from __future__ import annotations

from gencl.metrics.metric import Metric
from gencl.metrics.snapshot import Snapshot
from gencl.metrics.transfer import Matrix, backward_transfer, final
from gencl.models.learner import Learner
from gencl.scenarios.task import Task


class ConditionalAccuracy(Metric):
    """The share of generated images that a fixed classifier, which saw all classes, reads as the class asked for."""

    name = "conditional_accuracy"
    better = "higher"
    reads_classes = True

    @staticmethod
    def applies(learner: type[Learner] | Learner, has_reader: bool) -> bool:
        return learner.kind == "generate" and has_reader

    def measure(self, snapshot: Snapshot, task: Task) -> float:
        return snapshot.generated(task).accuracy

    def summary(self, matrix: Matrix) -> dict[str, float | None]:
        return {"conditional_accuracy": final(matrix), "conditional_accuracy_bwt": backward_transfer(matrix)}
