"""The multi-latent VAE: one encoder and decoder for all tasks, with a latent layer of its own for each."""

from __future__ import annotations

import math
from collections.abc import Sequence

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
"""Images of one forward pass where no gradient is wanted."""
_LEAST_VARIANCE = 1e-6
"""Of a pixel: images that are drawn perfectly need some."""


class VAE(GenerativeLearner):
    """Maximises the ELBO log p(x|z) - beta KL(q(z|x) || N(0, I)), with z drawn once from the Gaussian posterior q.

    SPP section 4.2.4 and ANPyC section IV-C.2: the layers at the latent are each task's *own*, on both sides; the
    convolutions and the fully connected layers next to them are *shared*. A sample's class says of which task it is.
    Pixels are Bernoulli variables (their cross-entropy with grey levels in [0, 1]) or Gaussian ones, whose variance is
    set, or is always the present mean squared error, its optimum ("sigma-VAE"; Rybkin et al., ICML 2021, section 3.3).
    That balances the two terms of the ELBO without a weight, and does not blur what the latent knows.

    When a task is over, `conclude` fits a Gaussian to each class's aggregated posterior: what is drawn afterwards is
    drawn from it, so that one class of a task that has several can be asked for. No images are kept.
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
        """Of a pixel, a task each (tasks,); only where they are calibrated."""

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
        """The mean of the negative ELBO, in nats an image; a calibrated variance is that of this batch."""
        logits, mean, log_variance = self._through(batch.inputs, self._tasks(batch), batch.extra["latents"])
        variance = None
        if self.settings.likelihood == "calibrated":
            variance = F.mse_loss(torch.sigmoid(logits), batch.inputs).detach().clamp(min=_LEAST_VARIANCE)
        return -self._elbo(batch.inputs, logits, mean, log_variance, variance).mean()

    def _tasks(self, batch: Batch) -> Tensor | int:
        """The latent layers of the samples: one number where the batch is known to be of tasks that share one."""
        groups = self.groups_of(batch.tasks)
        return groups[0] if len(groups) == 1 else self.generator.task_of[self.position[batch.classes]]

    def _through(self, images: Tensor, tasks: Tensor | int, latents: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The decoded images before the sigmoid, and the posterior's mean and log variance."""
        mean, log_variance = self.generator.encoder(images, tasks)
        z = mean + latents * (log_variance / 2).exp()
        return self.generator.decoder(z, tasks), mean, log_variance

    def _variance(self, tasks: Tensor | int) -> Tensor | None:
        """A pixel's variance in these tasks, (n,) or a scalar; None: the setting."""
        return self.variances[tasks] if self.settings.likelihood == "calibrated" else None

    def _elbo(
        self, images: Tensor, logits: Tensor, mean: Tensor, log_variance: Tensor, variance: Tensor | None
    ) -> Tensor:
        """Per sample (n,), in nats."""
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
        """Real images of the task, each with the latent that is drawn for it."""
        every = torch.arange(len(task.train), device=random.device)
        rows = every if n is None or n >= len(every) else random.choice(every, n)
        latents = self.generator.draw_latents(len(rows), random)
        parts = tuple(part.index for part in task.parts)
        return Batch.of_split(task.train, rows, parts, latents=latents)

    def scalars(self, kind: ScalarKind, batch: Batch, random: RandomSource) -> Tensor:
        """Of an image that goes through the encoder, the posterior and the decoder, so that all of them are measured.

        ``entropy``: that of the decoded pixels as Bernoulli variables plus that of the Gaussian posterior: pixels alone
        leave what the encoder says of its uncertainty unprotected. ``likelihood``: the ELBO. ``sensitivity``: the
        squared L2 norm of the decoded image; the encoder's share is what moving the latent does to that image.
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
        """How far decoder and encoder have come from the teacher's, a mean over samples of

            w sum_pixels (x - x_old)^2 + 1/8 sum_latents ((mu - mu_old)^2 / s2_old + 1/2 (log s2 - log s2_old)^2).

        The first term is of old classes drawn from the same latents. The second is of the posteriors of the teacher's
        drawings and, as a mean of its own, of the batch's images, each of them read by the latent layer of one of the
        old classes drawn: the encoder stays where it was on what it sees now. To second order it is 1/4 of the KL
        divergence between old and new posterior. w is 1, and 1 / (2 sigma^2) of pixels that are Gaussian, so that the
        first term is as strong as the loss beside it.
        """
        assert isinstance(teacher, VAEGenerator)  # a copy of this learner's own generator
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
        """Fits each class's Gaussian to the posteriors of its training images (a class without any keeps N(0, I)), and
        a calibrated variance to the errors of their means. The Gaussian of a class that was learned before, from other
        images, becomes that of all its tasks, each visit of which counts alike."""
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
        for index, of_task in errors.items():
            self.variances[index] = torch.cat(of_task).mean().clamp(min=_LEAST_VARIANCE)

    def _kept_share(self, label: int, task: Task) -> float:
        """The share that a class's Gaussian keeps; none where the task has all images that it was fitted to."""
        earlier = sum(label in classes for classes in self.tasks[: task.parts[0].index])
        return 0.0 if label in task.whole else earlier / (earlier + 1)

    def encode(self, images: Tensor, classes: Tensor) -> Tensor:
        positions = self.position[classes]
        mean, _ = self.generator.encoder(images, self.generator.task_of[positions])
        return self.generator.standardised(mean, positions)
