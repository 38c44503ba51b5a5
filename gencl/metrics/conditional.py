"""Conditional accuracy: whether a generator draws the class that it is asked for."""

from __future__ import annotations

from gencl.core.transfer import exact
from gencl.metrics.figures import Figure
from gencl.metrics.metric import Metric, needs_extractor
from gencl.metrics.snapshot import Snapshot
from gencl.metrics.transfer import Matrix, backward_transfer, final
from gencl.scenarios.task import Task


class ConditionalAccuracy(Metric):
    """The share of generated images that a fixed classifier, trained on all classes, assigns to the requested class."""

    name = "conditional_accuracy"
    figures = {
        "conditional_accuracy": Figure(
            "conditional accuracy",
            "share",
            "higher",
            "how often a fixed classifier reads a generated image as the class that was asked for",
            decimals=1,
            weight=8,
        ),
        "conditional_accuracy_bwt": Figure(
            "conditional accuracy BWT",
            "share",
            "higher",
            "what later tasks did to that share; negative is forgetting",
            decimals=1,
        ),
    }
    reads_classes = True
    of_images = True

    applies = staticmethod(needs_extractor)

    def measure(self, snapshot: Snapshot, task: Task) -> float:
        return float(exact(snapshot.answers(task) == snapshot.classes_of(task)).mean())

    def summary(self, matrix: Matrix) -> dict[str, float | None]:
        return {"conditional_accuracy": final(matrix), "conditional_accuracy_bwt": backward_transfer(matrix)}
