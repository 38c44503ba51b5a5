"""The conditional GAN: a generator whose first layer has separate parameters per class, and a discriminator."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import grad

from gencl.core.randomness import RandomSource, seeded
from gencl.learners.adversarial import LOSSES
from gencl.learners.generative import GenerativeLearner, Generator
from gencl.learners.learner import Phase, ScalarKind, predicting
from gencl.learners.networks import augment
from gencl.learners.networks.cgan import CGANGenerator, CGANSettings, Discriminator
from gencl.learners.networks.entropies import bernoulli_entropy
from gencl.scenarios.batch import Batch
from gencl.scenarios.task import Task

HALF_LIFE = 10_000.0
"""Half-life of the generator's moving average, in images."""


class ConditionalGAN(GenerativeLearner):
    """Generator and discriminator, with a gradient penalty every few steps.

    Shared: the generator without its classes' own parameters. Own: the classes' parameters (`CGANGenerator.own`).
    The rest: the discriminator. By default, the generator's entropy is that of its pixels as Bernoulli variables,
    summed over the image (``model.entropy``).
    """

    Settings = CGANSettings
    loss_falls = False

    def __init__(self, settings: CGANSettings, image_shape: tuple[int, int, int], seed: int) -> None:
        super().__init__()
        self.settings = settings
        augment.check(settings.augment, image_shape[0])
        self._loss = LOSSES[settings.loss]
        self.stacks = settings.norm != "batch"
        with seeded(seed, "cgan"):
            self.generator: CGANGenerator = CGANGenerator(settings, image_shape)
            self.discriminator = Discriminator(settings, image_shape)

    def grow(self, classes: Sequence[int], seed: int) -> tuple[int, ...]:
        new = super().grow(classes, seed)
        if new:
            self.discriminator.grow(len(new), seed)
        self.to(self.position.device)
        return new

    def phases(self, tasks: Sequence[int]) -> list[Phase]:
        judged, drawn = list(self.discriminator.parameters()), [*self.shared().values(), *self.own_of(tasks)]
        return [
            Phase("discriminator", judged, self.discriminator_loss, moves_shared=False, draw=self.drawn),
            Phase(
                "generator",
                drawn,
                self.generator_loss,
                moves_shared=True,
                draw=self.drawn,
                half_life=HALF_LIFE,
            ),
        ]

    def networks(self) -> list[nn.Module]:
        return [self.generator.trunk, self.discriminator.trunk]

    def drawn(self, batch: Batch, random: RandomSource) -> Batch:
        """Return the batch with a latent per sample, and the random numbers that augment real and generated images."""
        batch, kinds = super().drawn(batch, random), self.settings.augment
        real, fake = (augment.drawn(kinds, len(batch), random) for _ in range(2))
        return batch.having(**{f"real {k}": v for k, v in real.items()}, **{f"fake {k}": v for k, v in fake.items()})

    def _seen(self, images: Tensor, batch: Batch, whose: str) -> Tensor:
        """Return the images as the discriminator sees them: augmented."""
        numbers: dict[str, Tensor] = {kind: batch.extra[f"{whose} {kind}"] for kind in self.settings.augment}
        return augment.augmented(images, numbers)

    def discriminator_loss(self, batch: Batch, step: int, random: RandomSource) -> Tensor:
        """Return the adversarial loss, plus a gradient penalty (r1 / 2) E|dD/dx|^2 every ``r1_every`` steps.

        A relativistic discriminator has a second penalty, on generated images. Penalties are not scaled up by
        ``r1_every``, since that was worse. Mean FD of ten digits, seed 0, of ``gencl train --preset mnist-cgan --method
        joint --set train.steps=240`` with train.lr 0.001 and 0.002 was 227 and 164. Scaled up (``--set model.r1=8``) it
        was 269 and 230.
        """
        positions = self.position[batch.classes]
        with torch.no_grad():
            fake = self._seen(self.generator(batch.extra["latents"], positions), batch, "fake")
        real = self._seen(batch.inputs, batch, "real")
        if step % self.settings.r1_every or not self.settings.r1:
            real_score, fake_score = self.discriminator(torch.cat([real, fake]), positions.repeat(2)).chunk(2)
            return self._loss.of_discriminator(real_score, fake_score)
        real_score, penalty = self._penalised(real, positions)
        if self._loss.both_penalised:
            fake_score, more = self._penalised(fake, positions)
            penalty = penalty + more
        else:
            fake_score = self.discriminator(fake, positions)
        return self._loss.of_discriminator(real_score, fake_score) + penalty

    def _penalised(self, images: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores (n,) of images and their gradient penalty, with respect to the images after `augment`."""

        def judged(images: Tensor) -> tuple[Tensor, Tensor]:
            scores: Tensor = self.discriminator(images, positions)
            return scores.sum(), scores

        slope, scores = grad(judged, has_aux=True)(images)
        return scores, slope.square().sum((1, 2, 3)).mean() * (self.settings.r1 / 2)

    def generator_loss(self, batch: Batch, step: int, random: RandomSource) -> Tensor:
        positions = self.position[batch.classes]
        images = self._seen(self.generator(batch.extra["latents"], positions), batch, "fake")
        real_score = None
        if self._loss.needs_real:
            with torch.no_grad():
                real_score = self.discriminator(self._seen(batch.inputs, batch, "real"), positions)
        return self._loss.of_generator(self.discriminator(images, positions), real_score)

    def misalignment(self, teacher: Generator, old: Batch, batch: Batch) -> Tensor:
        """Return the mean squared difference per pixel of images in [0, 1], drawn from the same latents."""
        positions, latents = self.position[old.classes], old.extra["latents"]
        with torch.no_grad():
            before = teacher(latents, positions)
        with predicting(self.generator):  # as the teacher: batch normalisation by its running statistics, left alone
            return F.mse_loss(self.generator(latents, positions), before)

    def probe(self, task: Task, n: int | None, random: RandomSource) -> Batch:
        """Return n latents with the task's classes in turn, whatever its mixture: each is to be kept equally well.

        Images are not needed, so the inputs are empty, (n, 0).
        """
        n = n or len(task.train)
        classes = torch.tensor(task.classes, device=self.position.device).repeat(-(-n // len(task.classes)))[:n]
        latents = self.generator.draw_latents(n, random)
        return Batch(latents.new_zeros(n, 0), classes, extra={"latents": latents})

    def scalars(self, kind: ScalarKind, batch: Batch, random: RandomSource) -> Tensor:
        positions = self.position[batch.classes]
        logits = self.generator.logits(batch.extra["latents"], positions)
        if kind == "sensitivity":
            return torch.sigmoid(logits).square().sum((1, 2, 3))
        if kind == "likelihood":
            return -F.softplus(-self.discriminator(torch.sigmoid(logits), positions))
        if self.settings.entropy == "softmax":
            chances = logits.flatten(1).log_softmax(1)
            return -(chances.exp() * chances).sum(1)
        if self.settings.entropy == "discriminator":
            return bernoulli_entropy(self.discriminator(torch.sigmoid(logits), positions))
        return bernoulli_entropy(logits).sum((1, 2, 3))
