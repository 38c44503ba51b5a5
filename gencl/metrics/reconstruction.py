"""Reconstruction error: how well images survive being encoded and decoded."""

from __future__ import annotations

import torch
from torch import nn

from gencl.learners.capabilities import ENCODER, GENERATOR
from gencl.learners.learner import Learner
from gencl.metrics.figures import Figure
from gencl.metrics.metric import Metric
from gencl.metrics.snapshot import Snapshot
from gencl.metrics.transfer import Matrix, backward_transfer, final, just_learned
from gencl.scenarios.task import Task


def can_reconstruct(learner: Learner) -> str:
    """Return why a metric of reconstructions cannot be measured; empty if it can."""
    return "" if ENCODER.of(learner) is not None else "it measures learners that encode images"


class Reconstruction(Metric):
    """Mean squared error per pixel of a task's held-out images in [0, 1], reconstructed from the posterior mean."""

    name = "reconstruction"
    figures = {
        "reconstruction": Figure(
            "squared error",
            "error",
            "lower",
            "squared error per pixel of held-out images, encoded and decoded; lower is better",
            main=True,
            weight=7,
        ),
        "reconstruction_just_learned": Figure(
            "squared error just learned", "error", "lower", "the same error when each task had just been learned"
        ),
        "reconstruction_forgetting": Figure(
            "squared error forgetting",
            "error",
            "lower",
            "how much the error grew since each task was learned; lower is better",
        ),
    }

    @staticmethod
    def applies(learner: Learner, extractor: nn.Module | None) -> str:
        return can_reconstruct(learner)

    @torch.no_grad()
    def measure(self, snapshot: Snapshot, task: Task) -> float:
        learner, data = GENERATOR(snapshot.learner), snapshot.held_out_part(task)
        total = 0.0
        for rows in torch.arange(len(data), device=data.labels.device).split(snapshot.batch_size):
            images = data.take(rows).float() / 255
            total += float((learner.reconstruct(images, data.labels[rows]) - images).square().sum())
        return total / (len(data) * data.shape[0] * data.shape[1] * data.shape[2])

    def summary(self, matrix: Matrix) -> dict[str, float | None]:
        return {
            "reconstruction": final(matrix),
            "reconstruction_just_learned": just_learned(matrix),
            "reconstruction_forgetting": backward_transfer(matrix),
        }
