"""The multi-latent VAE: one encoder and decoder for all tasks, with a latent layer of its own for each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn
from torch.nn import Parameter

from gencl.core.part import Part
from gencl.core.randomness import RandomSource, seeded
from gencl.learners.learner import GenerativeLearner, Generator, Phase, ScalarKind
from gencl.learners.networks.entropies import bernoulli_entropy
from gencl.learners.networks.vae import VAEGenerator
from gencl.scenarios.batch import Batch
from gencl.scenarios.task import Task

_CHUNK = 500
"""Images of one forward pass where no gradient is wanted."""


class VAESettings(Part):
    """Settings of the multi-latent VAE (``model.*``)."""

    name: Literal["vae"] = "vae"
    latent: int = Field(16, ge=1, le=1024, description="size of the latent")
    width: int = Field(16, ge=1, le=1024, description="channels next to the image; they double inwards")
    features: int = Field(128, ge=1, le=8192, description="units of the hidden layers next to the latent")
    likelihood: Literal["bernoulli", "gaussian"] = Field("bernoulli", description="of a pixel, given the latent")
    sigma: float = Field(0.1, gt=0, le=10, description="standard deviation of a pixel, where likelihood is gaussian")
    beta: float = Field(1.0, ge=0, le=1e6, description="weight of the KL divergence from the prior")


class VAE(GenerativeLearner):
    """Maximises the ELBO log p(x|z) - beta KL(q(z|x) || N(0, I)), with z drawn once from the Gaussian posterior q.

    SPP section 4.4 and ANPyC section IV-B: the layers at the latent are each task's *own*, on both sides; the
    convolutions and the fully connected layers next to them are *shared*. A sample's class says of which task it is.
    Pixels are Bernoulli variables (their cross-entropy with grey levels in [0, 1]) or Gaussian ones.

    When a task is over, `conclude` fits a Gaussian to each class's aggregated posterior: what is drawn afterwards is
    drawn from it, so that one class of a task that has several can be asked for. No images are kept.
    """

    Settings = VAESettings
    stacks = True

    def __init__(self, settings: VAESettings, image_shape: tuple[int, int, int], seed: int) -> None:
        super().__init__()
        self.settings = settings
        with seeded(seed, "vae"):
            self.generator: VAEGenerator = VAEGenerator(settings.latent, settings.width, settings.features, image_shape)

    def encoder(self) -> VAE:
        return self

    def grow(self, classes: Sequence[int], seed: int) -> None:
        super().grow(classes, seed)
        self.generator.grow(len(classes), seed)
        self.to(self.position.device)

    def shared(self) -> dict[str, Parameter]:
        return {name: parameter for name, parameter in self.named_parameters() if ".latent.tasks." not in name}

    def own(self, task: int) -> dict[str, Parameter]:
        part = f".latent.tasks.{task}."
        return {name: parameter for name, parameter in self.named_parameters() if part in name}

    def phases(self, tasks: Sequence[int]) -> list[Phase]:
        of_tasks = [parameter for task in tasks for parameter in self.own(task).values()]
        return [Phase("vae", [*self.shared().values(), *of_tasks], self.loss, moves_shared=True, draw=self.drawn)]

    def networks(self) -> list[nn.Module]:
        return [self.generator.encoder.trunk, self.generator.decoder.trunk]

    def loss(self, batch: Batch, step: int, random: RandomSource) -> Tensor:
        """The mean of the negative ELBO, in nats an image."""
        images, mean, log_variance = self._through(batch.inputs, self._tasks(batch), batch.extra["latents"])
        return -self._elbo(batch.inputs, images, mean, log_variance).mean()

    def _tasks(self, batch: Batch) -> Tensor | int:
        """The tasks of the samples: one number where the batch is known to be of one task."""
        return batch.tasks[0] if len(batch.tasks) == 1 else self.generator.task_of[self.position[batch.classes]]

    def _through(self, images: Tensor, tasks: Tensor | int, latents: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The decoded images before the sigmoid, and the posterior's mean and log variance."""
        mean, log_variance = self.generator.encoder(images, tasks)
        z = mean + latents * (log_variance / 2).exp()
        return self.generator.decoder(z, tasks), mean, log_variance

    def _elbo(self, images: Tensor, logits: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
        """Per sample (n,), in nats."""
        if self.settings.likelihood == "bernoulli":
            loss = F.binary_cross_entropy_with_logits(logits, images, reduction="none")
        else:
            sigma = self.settings.sigma
            apart = (images - torch.sigmoid(logits)) / sigma
            loss = apart.square() / 2 + math.log(sigma * math.sqrt(2 * math.pi))
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
        return -loss.sum((1, 2, 3)) - self.settings.beta * divergence

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
        logits, mean, log_variance = self._through(batch.inputs, self._tasks(batch), batch.extra["latents"])
        if kind == "entropy":
            posterior = (1 + math.log(2 * math.pi) + log_variance).sum(1) / 2
            return bernoulli_entropy(logits).sum((1, 2, 3)) + posterior
        if kind == "sensitivity":
            return torch.sigmoid(logits).square().sum((1, 2, 3))
        return self._elbo(batch.inputs, logits, mean, log_variance)

    def misalignment(self, teacher: Generator, classes: Tensor, latents: Tensor, batch: Batch) -> Tensor:
        """How far decoder and encoder have come from the teacher's, a mean over samples of

            sum_pixels (x - x_old)^2 + 1/8 sum_latents ((mu - mu_old)^2 / s2_old + 1/2 (log s2 - log s2_old)^2).

        The first term is of old classes drawn from the same latents. The second is of the posteriors of the teacher's
        drawings and, as a mean of its own, of the batch's images, each of them read by the latent layer of one of the
        old classes drawn: the encoder stays where it was on what it sees now. To second order it is 1/4 of the KL
        divergence between old and new posterior.
        """
        assert isinstance(teacher, VAEGenerator)  # a copy of this learner's own generator
        positions = self.position[classes]
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
        return pixels.mean() + posterior[: len(drawn)].mean() + posterior[len(drawn) :].mean()

    @torch.no_grad()
    def conclude(self, task: Task) -> None:
        """Fits each class's Gaussian to the posteriors of its training images (a class without any keeps N(0, I))."""
        for position in self.position[torch.tensor(task.classes, device=self.position.device)].tolist():
            rows = (task.train.labels == self.classes[position]).nonzero().squeeze(1)
            index = int(self.generator.task_of[position])
            parts = [self.generator.encoder(task.train.take(some).float() / 255, index) for some in rows.split(_CHUNK)]
            if len(rows):
                means, log_variances = (torch.cat(chunks) for chunks in zip(*parts, strict=True))
                self.generator.fit(position, means, log_variances)

    def encode(self, images: Tensor, classes: Tensor) -> Tensor:
        positions = self.position[classes]
        mean, _ = self.generator.encoder(images, self.generator.task_of[positions])
        return self.generator.standardised(mean, positions)
