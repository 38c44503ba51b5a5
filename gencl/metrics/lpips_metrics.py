"""Metrics that use LPIPS: diversity within a class, drift of the same latents, and reconstruction."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gencl.core.randomness import permutation
from gencl.core.transfer import exact
from gencl.learners.capabilities import GENERATOR
from gencl.learners.learner import Learner
from gencl.metrics.drift import before_and_now
from gencl.metrics.figures import Figure
from gencl.metrics.metric import Metric, needs_generator
from gencl.metrics.perceptual import Perceptual
from gencl.metrics.reconstruction import can_reconstruct
from gencl.metrics.snapshot import Snapshot, to_uint8
from gencl.scenarios.task import Task

PAIRS = 100
"""Most pairs of images per class that are compared for diversity."""
IMAGES = 200
"""Most held-out images per task that are reconstructed."""


class _LPIPS(Metric):
    when = "on request"
    perceptual = True

    @staticmethod
    def applies(learner: Learner, extractor: nn.Module | None) -> str:
        return needs_generator(learner)

    def distance(self, snapshot: Snapshot, one: Tensor, other: Tensor) -> float:
        perceptual = snapshot.conditions.perceptual
        assert isinstance(perceptual, Perceptual)
        return float(exact(perceptual.distances(one, other)).mean())


class LPIPSDiversity(_LPIPS):
    """Mean LPIPS between pairs of generated images of one class, over a task's classes; 0 is mode collapse."""

    name = "lpips_diversity"
    figures = {
        "lpips_diversity": Figure(
            "LPIPS diversity",
            "error",
            "higher",
            "how different generated images of one class look; 0 is mode collapse",
            weight=1,
        )
    }

    def measure(self, snapshot: Snapshot, task: Task) -> float | None:
        """Return the mean, or None if a class has fewer than two generated images."""
        classes, distances = snapshot.classes_of(task), []
        for c in task.classes:
            rows = (classes == c).nonzero().squeeze(1)[: 2 * PAIRS]
            if len(rows) < 2:
                return None
            one, other = (snapshot.images(task, half) for half in rows[: len(rows) // 2 * 2].chunk(2))
            distances.append(self.distance(snapshot, one, other))
        return sum(distances) / len(distances)


class LPIPSDrift(_LPIPS):
    """Mean LPIPS between the images of the same latents right after the task was learned and now."""

    name = "lpips_drift"
    figures = {
        "lpips_drift": Figure(
            "LPIPS drift", "error", "lower", "how different the same latents' images look since their task was learned"
        )
    }

    def measure(self, snapshot: Snapshot, task: Task) -> float | None:
        pair = before_and_now(snapshot, task)
        return None if pair is None else self.distance(snapshot, *pair)


class LPIPSReconstruction(_LPIPS):
    """Mean LPIPS between a task's held-out images and a VAE's reconstructions of them."""

    name = "lpips_reconstruction"
    figures = {
        "lpips_reconstruction": Figure(
            "LPIPS reconstruction", "error", "lower", "how different held-out images look, encoded and decoded"
        )
    }

    @staticmethod
    def applies(learner: Learner, extractor: nn.Module | None) -> str:
        return can_reconstruct(learner)

    @torch.no_grad()
    def measure(self, snapshot: Snapshot, task: Task) -> float:
        learner, data = GENERATOR(snapshot.learner), snapshot.held_out_part(task)
        rows = permutation(len(data), "lpips", task.index)[:IMAGES].sort().values.to(data.labels.device)
        images, n = data.take(rows), snapshot.batch_size
        parts = zip(images.split(n), data.labels[rows].split(n), strict=True)
        made = [learner.reconstruct(some.float() / 255, classes) for some, classes in parts]
        return self.distance(snapshot, images, to_uint8(torch.cat(made)))
