"""Fitting capacity (Lesort et al., IJCNN 2019): train a classifier on generated images, test it on real ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gencl.core.progress import Reporter
from gencl.core.randomness import seeded
from gencl.datasets.dataset import Split
from gencl.learners.learner import Learner
from gencl.metrics.figures import Figure
from gencl.metrics.lessons import TrainingPlan
from gencl.metrics.metric import Metric, needs_generator
from gencl.metrics.reader import Reader
from gencl.metrics.snapshot import Snapshot
from gencl.metrics.trained_reader import TrainedReader, fit
from gencl.scenarios.task import Task

TRAINING_PLAN = TrainingPlan(steps=600)


class FittingCapacity(Metric):
    """The accuracy, on a task's real held-out images, of a classifier trained on generated images of all tasks.

    The classifier chooses among all learned classes. `Snapshot.counts_of` says how many images of each it is trained
    on. High values need good images that cover each class.
    """

    name = "fitting"
    figures = {
        "fitting": Figure(
            "fitting capacity", "share", "higher", "accuracy on real images of a classifier trained on generated ones"
        )
    }
    when = "on request"

    @staticmethod
    def applies(learner: Learner, extractor: nn.Module | None) -> str:
        if why := needs_generator(learner):
            return why
        classes = learner.classes
        return "" if len(classes) > 1 else "a classifier needs two classes or more"

    def measure(self, snapshot: Snapshot, task: Task) -> float:
        reader, classes = snapshot.once("fitting", lambda: _trained(snapshot))
        data = snapshot.held_out_part(task)
        right = 0
        with torch.no_grad():
            for rows in torch.arange(len(data), device=data.labels.device).split(snapshot.batch_size):
                right += int((classes[reader(data.take(rows))[1].argmax(1)] == data.labels[rows]).sum())
        return right / len(data)


def _trained(snapshot: Snapshot) -> tuple[Reader, Tensor]:
    """Return a classifier trained on generated images, the same on every process, and the class of each output."""
    labels = torch.cat([snapshot.classes_of(task) for task in snapshot.tasks])
    images = torch.cat(
        [
            snapshot.images(task, rows)
            for task in snapshot.tasks
            for rows in torch.arange(len(snapshot.classes_of(task)), device=snapshot.device).split(snapshot.batch_size)
        ]
    )
    classes, outputs = labels.unique(return_inverse=True)
    with seeded("fitting", snapshot.conditions.seed):
        reader = TrainedReader("fitting", shape=tuple(images.shape[1:]), classes=len(classes))
    reader.to(snapshot.device)
    with Reporter(TRAINING_PLAN.steps_for(len(images)), 0, "silent") as reporter:
        fit(reader, Split(images, outputs), TRAINING_PLAN, reporter)
    return reader.eval(), classes
