"""The multi-latent VAE: one encoder and decoder for all tasks, with separate latent layers for each task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gencl.core.randomness import RandomSource, seeded
from gencl.learners.generative import GenerativeLearner, Generator
from gencl.learners.learner import Phase, ScalarKind
from gencl.learners.networks.entropies import bernoulli_entropy
from gencl.learners.networks.vae import VAEGenerator, VAESettings
from gencl.scenarios.batch import Batch
from gencl.scenarios.task import Task

_CHUNK = 500
"""Images per forward pass without gradients."""
_LEAST_VARIANCE = 1e-6
"""The smallest variance of a pixel, so that perfect reconstructions do not divide by zero."""


class VAE(GenerativeLearner):
    """Maximises the ELBO log p(x|z) - beta KL(q(z|x) || N(0, I)), with z drawn once from the Gaussian posterior q.

    As in SPP section 4.2.4 and ANPyC section IV-C.2, the layers next to the latent are each task's *own*, in encoder
    and decoder. The convolutions and the fully connected layers next to them are *shared*. A sample's class determines
    its task. Pixels are Bernoulli variables (cross-entropy with grey levels in [0, 1]) or Gaussian ones. The Gaussian
    variance is a setting, or always the current mean squared error, its optimum ("sigma-VAE"; Rybkin et al., ICML 2021,
    section 3.3). The latter balances the two terms of the ELBO without a weight, and does not blur what the latent
    encodes.

    When a task is over, `conclude` fits a Gaussian to each class's aggregated posterior. Later samples are drawn from
    it, so that a single class of a task can be generated. No images are kept.
    """

    Settings = VAESettings
    stacks = True

    def __init__(self, settings: VAESettings, image_shape: tuple[int, int, int], seed: int) -> None:
        super().__init__()
        self.settings = settings
        with seeded(seed, "vae"):
            self.generator: VAEGenerator = VAEGenerator(settings, image_shape)
        if settings.likelihood == "calibrated":
            self.register_buffer("variances", torch.zeros(0))
        self.variances: Tensor
        """The pixel variance per task, (tasks,); only if ``likelihood`` is ``calibrated``."""

    def encoder(self) -> VAE:
        return self

    def grow(self, classes: Sequence[int], seed: int) -> tuple[int, ...]:
        new = super().grow(classes, seed)
        if new and self.settings.likelihood == "calibrated":
            first = self.variances.new_tensor([self.settings.sigma**2])
            self.variances = torch.cat([self.variances, first])
        return new

    def phases(self, tasks: Sequence[int]) -> list[Phase]:
        moved = [*self.shared().values(), *self.own_of(tasks)]
        return [Phase("vae", moved, self.loss, moves_shared=True, draw=self.drawn)]

    def networks(self) -> list[nn.Module]:
        return [self.generator.encoder.trunk, self.generator.decoder.trunk]

    def loss(self, batch: Batch, step: int, random: RandomSource) -> Tensor:
        """Return the mean negative ELBO in nats per image.

        A calibrated variance is computed from this batch; with several processes, from this process's part of it.
        """
        logits, mean, log_variance = self._through(batch.inputs, self._tasks(batch), batch.extra["latents"])
        variance = None
        if self.settings.likelihood == "calibrated":
            variance = F.mse_loss(torch.sigmoid(logits), batch.inputs).detach().clamp(min=_LEAST_VARIANCE)
        return -self._elbo(batch.inputs, logits, mean, log_variance, variance).mean()

    def _tasks(self, batch: Batch) -> Tensor | int:
        """Return the index of each sample's latent layer, (n,), or one number if the batch's tasks share a layer."""
        groups = self.groups_of(batch.tasks)
        return groups[0] if len(groups) == 1 else self.generator.task_of[self.position[batch.classes]]

    def _through(self, images: Tensor, tasks: Tensor | int, latents: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the decoded images before the sigmoid, and the posterior's mean and log variance."""
        mean, log_variance = self.generator.encoder(images, tasks)
        z = mean + latents * (log_variance / 2).exp()
        return self.generator.decoder(z, tasks), mean, log_variance

    def _variance(self, tasks: Tensor | int) -> Tensor | None:
        """Return the pixel variance of these tasks, (n,) or a scalar; None: the setting ``sigma`` applies."""
        return self.variances[tasks] if self.settings.likelihood == "calibrated" else None

    def _elbo(
        self, images: Tensor, logits: Tensor, mean: Tensor, log_variance: Tensor, variance: Tensor | None
    ) -> Tensor:
        """Return the ELBO per sample, (n,), in nats."""
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
        if self.settings.likelihood == "bernoulli":
            pixels = -F.binary_cross_entropy_with_logits(logits, images, reduction="none").sum((1, 2, 3))
        else:
            if variance is None:
                variance = torch.full((), self.settings.sigma**2, dtype=images.dtype, device=images.device)
            errors = (images - torch.sigmoid(logits)).square().sum((1, 2, 3))
            pixels = -errors / (2 * variance) - images[0].numel() / 2 * (2 * math.pi * variance).log()
        return pixels - self.settings.beta * divergence

    def probe(self, task: Task, n: int | None, random: RandomSource) -> Batch:
        """Return real images of the task, each with a drawn latent; at most as many as there are."""
        every = torch.arange(len(task.train), device=random.device)
        rows = every if n is None or n >= len(every) else random.choice(every, n)
        latents = self.generator.draw_latents(len(rows), random)
        parts = tuple(part.index for part in task.parts)
        return Batch.of_split(task.train, rows, parts, latents=latents)

    def scalars(self, kind: ScalarKind, batch: Batch, random: RandomSource) -> Tensor:
        """Return a scalar per image, passed through encoder, posterior and decoder so that all of them are measured.

        ``entropy``: the entropy of the decoded pixels as Bernoulli variables, plus that of the Gaussian posterior.
        Pixels alone would leave the encoder's log variance unprotected. ``likelihood``: the ELBO. ``sensitivity``: the
        squared L2 norm of the decoded image, to which the encoder contributes by moving the latent.
        """
        tasks = self._tasks(batch)
        logits, mean, log_variance = self._through(batch.inputs, tasks, batch.extra["latents"])
        if kind == "entropy":
            posterior = (1 + math.log(2 * math.pi) + log_variance).sum(1) / 2
            return bernoulli_entropy(logits).sum((1, 2, 3)) + posterior
        if kind == "sensitivity":
            return torch.sigmoid(logits).square().sum((1, 2, 3))
        return self._elbo(batch.inputs, logits, mean, log_variance, self._variance(tasks))

    def misalignment(self, teacher: Generator, old: Batch, batch: Batch) -> Tensor:
        """Return how far decoder and encoder have moved from the teacher's, as a mean over samples of

            w sum_pixels (x - x_old)^2 + 1/8 sum_latents ((mu - mu_old)^2 / s2_old + 1/2 (log s2 - log s2_old)^2).

        The first term compares images of old classes, decoded from the same latents. The second compares the posteriors
        of the teacher's images and, averaged separately, of the batch's images. The batch's images are encoded with the
        latent layers of the old classes, so that the encoder also stays put on new data. To second order, this term is
        1/4 of the KL divergence between old and new posterior. w is 1, or 1 / (2 sigma^2) for Gaussian pixels, so that
        the first term is on the scale of the loss.
        """
        assert isinstance(teacher, VAEGenerator)  # a copy of this learner's generator
        positions, latents = self.position[old.classes], old.extra["latents"]
        others = positions.repeat(-(-len(batch) // len(positions)))[: len(batch)]
        tasks = self.generator.task_of[torch.cat([positions, others])]
        with torch.no_grad():
            drawn = teacher(latents, positions)
            images = torch.cat([drawn, batch.inputs])
            old_mean, old_log_variance = teacher.encoder(images, tasks)
        mean, log_variance = self.generator.encoder(images, tasks)
        moved = (mean - old_mean).square() / old_log_variance.exp()
        widened = (log_variance - old_log_variance).square() / 2
        posterior: Tensor = (moved + widened).sum(1) / 8
        pixels: Tensor = (self.generator(latents, positions) - drawn).square().sum((1, 2, 3))
        if self.settings.likelihood != "bernoulli":
            variance = self._variance(tasks[: len(drawn)])
            pixels = pixels / (2 * (self.settings.sigma**2 if variance is None else variance))
        return pixels.mean() + posterior[: len(drawn)].mean() + posterior[len(drawn) :].mean()

    @torch.no_grad()
    def conclude(self, task: Task) -> None:
        """Fit each class's Gaussian to the posteriors of its training images, and calibrated variances to the errors of
        their means. A class without images keeps its Gaussian, N(0, I) at first. If a class was learned before from
        other images, its Gaussian becomes that of all its visits, with equal weights. The variance of classes that were
        learned together is mixed likewise: the old one has the mean of the weights of these classes' old Gaussians."""
        errors: dict[int, list[Tensor]] = {}
        for position in self.position[torch.tensor(task.classes, device=self.position.device)].tolist():
            rows = (task.train.labels == self.classes[position]).nonzero().squeeze(1)
            index = int(self.generator.task_of[position])
            parts = []
            for some in rows.split(_CHUNK):
                images = task.train.take(some).float() / 255
                parts.append(self.generator.encoder(images, index))
                if self.settings.likelihood == "calibrated":
                    decoded = torch.sigmoid(self.generator.decoder(parts[-1][0], index))
                    errors.setdefault(index, []).append((decoded - images).square().mean((1, 2, 3)))
            if len(rows):
                means, log_variances = (torch.cat(chunks) for chunks in zip(*parts, strict=True))
                self.generator.fit(position, means, log_variances, self._kept_share(self.classes[position], task))
        shown = set(task.train.labels.unique().tolist())
        for index, of_task in errors.items():
            kept = fmean(self._kept_share(label, task, label in shown) for label in self.groups[index])
            measured = torch.cat(of_task).mean().clamp(min=_LEAST_VARIANCE)
            self.variances[index] = torch.lerp(measured, self.variances[index], kept)

    def _kept_share(self, label: int, task: Task, shown: bool = True) -> float:
        """Return the weight of what was fitted to a class before; 0 if the task has all its images so far.

        A visit counts if it lists the class, whether or not it showed images of it.
        """
        earlier = sum(label in classes for classes in self.tasks[: task.parts[0].index])
        if not shown:
            return float(earlier > 0)
        return 0.0 if label in task.whole else earlier / (earlier + 1)

    def encode(self, images: Tensor, classes: Tensor) -> Tensor:
        positions = self.position[classes]
        mean, _ = self.generator.encoder(images, self.generator.task_of[positions])
        return self.generator.standardised(mean, positions)
