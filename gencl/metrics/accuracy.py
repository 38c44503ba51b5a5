"""Accuracy of a classifier on held-out images."""

from __future__ import annotations

from typing import cast

from torch import nn

from gencl.learners.classifier import Classifier
from gencl.learners.learner import Learner
from gencl.learners.measured import accuracy
from gencl.metrics.metric import Metric
from gencl.metrics.snapshot import Snapshot
from gencl.metrics.transfer import Matrix, anytime, backward_transfer, final, forgetting, smt
from gencl.scenarios.task import Task


class Accuracy(Metric):
    """The share of a task's held-out images that are classified right; where heads are per task, the task is known."""

    name = "accuracy"
    better = "higher"
    ahead = "fwt_zero_shot"

    @staticmethod
    def applies(learner: type[Learner] | Learner, extractor: nn.Module | None) -> str:
        return "" if learner.kind == "classify" else "it measures classifiers"

    def measure(self, snapshot: Snapshot, task: Task) -> float:
        return accuracy(cast(Classifier, snapshot.learner), snapshot.held_out_part(task), snapshot.batch_size)

    def summary(self, matrix: Matrix) -> dict[str, float | None]:
        return {
            "acc": final(matrix),
            "aaa": anytime(matrix),
            "bwt": backward_transfer(matrix),
            "forgetting": forgetting(matrix),
            "smt": smt(matrix),
        }
