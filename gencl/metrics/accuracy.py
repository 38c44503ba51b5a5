"""Accuracy of a classifier on held-out images."""

from __future__ import annotations

from torch import nn

from gencl.learners.capabilities import CLASSIFIER
from gencl.learners.learner import Learner
from gencl.learners.measured import accuracy
from gencl.metrics.figures import Figure
from gencl.metrics.metric import Metric
from gencl.metrics.snapshot import Snapshot
from gencl.metrics.transfer import Matrix, anytime, backward_transfer, final, forgetting, smt
from gencl.scenarios.task import Task


class Accuracy(Metric):
    """The share of a task's held-out images that are classified correctly, given the task if heads are per task."""

    name = "accuracy"
    ahead = "fwt_zero_shot"
    figures = {
        "accuracy": Figure(
            "accuracy", "share", "higher", "share of held-out images that are classified right", decimals=1, main=True
        ),
        "acc": Figure(
            "acc",
            "share",
            "higher",
            "mean accuracy over all tasks after the last one",
            title="ACC",
            main=True,
            weight=9,
        ),
        "aaa": Figure(
            "aaa",
            "share",
            "higher",
            "average anytime accuracy: the mean accuracy over the tasks so far, averaged over time",
            title="AAA",
            weight=3,
        ),
        "bwt": Figure(
            "bwt",
            "share",
            "higher",
            "backward transfer: what later tasks did to earlier ones; negative is forgetting",
            title="BWT",
        ),
        "fwt": Figure(
            "fwt",
            "share",
            "higher",
            "forward transfer: how well a task is learned compared with joint training",
            title="FWT",
        ),
        "fwt_zero_shot": Figure(
            "zero-shot FWT",
            "share",
            "higher",
            "accuracy on a task before it is learned, minus that of an untrained network",
        ),
        "forgetting": Figure(
            "forgetting",
            "share",
            "lower",
            "from the best a task ever was to what it is at the end, on average",
            weight=6,
        ),
        "smt": Figure(
            "smt",
            better="lower",
            meaning="how much a task's accuracy varies over time; 0 is perfectly steady",
            title="SMT",
        ),
    }

    @staticmethod
    def applies(learner: Learner, extractor: nn.Module | None) -> str:
        return "" if CLASSIFIER.of(learner) is not None else "it measures classifiers"

    def measure(self, snapshot: Snapshot, task: Task) -> float:
        return accuracy(CLASSIFIER(snapshot.learner), snapshot.held_out_part(task), snapshot.batch_size)

    def summary(self, matrix: Matrix) -> dict[str, float | None]:
        return {
            "acc": final(matrix),
            "aaa": anytime(matrix),
            "bwt": backward_transfer(matrix),
            "forgetting": forgetting(matrix),
            "smt": smt(matrix),
        }
