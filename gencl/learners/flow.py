"""Flow matching: a learned velocity field that carries noise to images, with one embedding per class."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gencl.core.randomness import RandomSource, seeded
from gencl.learners.generative import GenerativeLearner, Generator
from gencl.learners.learner import Phase, ScalarKind
from gencl.learners.networks.flow import LATEST, FlowGenerator, FlowSettings
from gencl.scenarios.batch import Batch
from gencl.scenarios.task import Task

HALF_LIFE = 10_000.0
"""Half-life of the network's moving average, in images."""
_LEAST = 1 / 510
"""The smallest distance of a pixel's probability from 0 and 1: half a grey level."""


class FlowMatching(GenerativeLearner):
    """Regresses v(x_t, t, class) on x_1 - x_0 along straight lines x_t = (1 - t) x_0 + t x_1 from noise to images.

    Sources: Lipman et al. (ICLR 2023), Liu et al. (ICLR 2023). Training times are logit-normal, t = sigmoid(N(m, 1)),
    as in Esser et al. (ICML 2024): most of them lie where noise and image are hard to tell apart. If neighbouring
    pixels are alike, that is nearer to the noise (m < 0), as Esser et al. found for larger images. The network predicts
    the image, and the loss is on the velocity computed from it (Li and He 2025, "Back to Basics"), or it predicts the
    velocity itself (``model.predicts``). Samples are drawn with a moving average of the weights.

    Shared: the U-Net and the time embedding. Own: the embeddings of a task's classes, and the embedding of "any class
    of this task". The latter is trained on a share of the task's samples, for guidance.
    """

    Settings = FlowSettings
    stacks = True

    def __init__(self, settings: FlowSettings, image_shape: tuple[int, int, int], seed: int) -> None:
        super().__init__()
        self.settings = settings
        self.pool = settings.pool
        with seeded(seed, "flow"):
            self.generator: FlowGenerator = FlowGenerator(settings, image_shape)

    def phases(self, tasks: Sequence[int]) -> list[Phase]:
        moved = [*self.shared().values(), *self.own_of(tasks)]
        return [Phase("flow", moved, self.loss, moves_shared=True, half_life=HALF_LIFE, draw=self.drawn)]

    def networks(self) -> list[nn.Module]:
        return [self.generator.trunk]

    def drawn(self, batch: Batch, random: RandomSource) -> Batch:
        """Return the batch with a noise image and a time per sample, and whether its class is dropped."""
        batch = super().drawn(batch, random)
        time = torch.sigmoid(random.normal(len(batch)) + self.settings.time)
        if self.settings.predicts == "image":
            time = time.clamp(max=LATEST)
        return batch.having(times=time, dropped=random.uniform(len(batch)) < self.settings.drop)

    def loss(self, batch: Batch, step: int, random: RandomSource) -> Tensor:
        """Return the mean of |v - (x_1 - x_0)|^2 over samples and pixels, images in [-1, 1]."""
        _, target, velocity = self._at(self.generator, batch, self._rows(batch))
        return (velocity - target).square().mean()

    def _rows(self, batch: Batch) -> Tensor:
        """Return the rows of the embeddings (n,): of a sample's class or, if that is dropped, of "any class"."""
        positions = self.position[batch.classes]
        return torch.where(batch.extra["dropped"], self.generator.null[positions], self.generator.row[positions])

    @staticmethod
    def _at(generator: FlowGenerator, batch: Batch, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return x_t, x_1 - x_0 and v at the samples' noises and times, each (n, c, h, w)."""
        images = 2 * batch.inputs - 1
        noise = batch.extra["latents"].unflatten(1, images.shape[1:])
        path, time = images - noise, batch.extra["times"]
        there = torch.addcmul(noise, time[:, None, None, None], path)
        return there, path, generator.velocity(there, time, generator.embeddings(rows))

    def misalignment(self, teacher: Generator, old: Batch, batch: Batch) -> Tensor:
        """Return the mean squared difference of velocities per pixel, at noised pool images (Masip et al. 2025)."""
        assert isinstance(teacher, FlowGenerator)  # a copy of this learner's generator
        rows = self._rows(old)
        with torch.no_grad():
            _, _, before = self._at(teacher, old, rows)
        _, _, now = self._at(self.generator, old, rows)
        return (now - before).square().mean()

    def probe(self, task: Task, n: int | None, random: RandomSource) -> Batch:
        """Return real images of the task, each with a noise and a time. Beyond the number of images, they repeat with
        other noises and times. No class is dropped, since importance is measured on the network as it samples.
        """
        n = len(task.train) if n is None else n
        every = torch.arange(len(task.train), device=random.device)
        rows = random.choice(every, n) if n < len(every) else every.repeat(-(-n // len(every)))[:n]
        parts = tuple(part.index for part in task.parts)
        batch = self.drawn(Batch.of_split(task.train, rows, parts), random)
        return batch.having(dropped=torch.zeros_like(batch.extra["dropped"]))

    def scalars(self, kind: ScalarKind, batch: Batch, random: RandomSource) -> Tensor:
        """Return scalars at the noise and time that `probe` drew for each sample; a mean over samples averages over t.

        ``likelihood``: -|v - (x_1 - x_0)|^2. Up to a factor and a constant, that is the log-likelihood of the path's
        direction if it were Gaussian around v. ``sensitivity``: |v|^2. ``entropy``: sum_pixels H(p), with
        H(p) = -p log p - (1 - p) log(1 - p), where p is the grey level in [0, 1] of the predicted end of the path,
        x_t + (1 - t) v. p is clamped half a grey level from 0 and 1; clamped pixels have no gradient.
        """
        there, target, velocity = self._at(self.generator, batch, self._rows(batch))
        if kind == "likelihood":
            return -(velocity - target).square().sum((1, 2, 3))
        if kind == "sensitivity":
            return velocity.square().sum((1, 2, 3))
        left = (1 - batch.extra["times"])[:, None, None, None]
        p = ((torch.addcmul(there, left, velocity) + 1) / 2).clamp(_LEAST, 1 - _LEAST)
        return -(p * p.log() + (1 - p) * (1 - p).log()).sum((1, 2, 3))
