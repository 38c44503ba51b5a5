"""The conditional GAN: one class after another, each with its own part of the first layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import grad
from torch.nn import Parameter

from gencl.core.randomness import RandomSource, seeded
from gencl.learners.learner import GenerativeLearner, Generator, Phase, ScalarKind
from gencl.learners.networks.cgan import CGANGenerator, CGANSettings, Discriminator
from gencl.learners.networks.entropies import bernoulli_entropy
from gencl.scenarios.batch import Batch
from gencl.scenarios.task import Task


class ConditionalGAN(GenerativeLearner):
    """Generator and discriminator with the non-saturating loss and a lazy R1 penalty.

    Shared: the generator without its classes' own parameters. Own: a class's part of the first layer. The rest: the
    discriminator. The generator's entropy is that of its pixels as Bernoulli variables, summed over the image.
    """

    Settings = CGANSettings

    def __init__(self, settings: CGANSettings, image_shape: tuple[int, int, int], seed: int) -> None:
        super().__init__()
        self.settings, self.seed = settings, seed
        self.stacks = settings.norm != "batch"
        with seeded(seed, "cgan"):
            self.generator: CGANGenerator = CGANGenerator(settings, image_shape)
            self.discriminator = Discriminator(settings, image_shape)

    def grow(self, classes: Sequence[int], seed: int) -> None:
        super().grow(classes, seed)
        self.generator.grow(len(classes), seed)
        self.discriminator.grow(len(classes), seed)
        self.to(self.position.device)

    def shared(self) -> dict[str, Parameter]:
        ids = {id(parameter) for part in self.generator.own() for parameter in part.tasks.parameters()}
        generator = self.generator.named_parameters(prefix="generator")
        return {name: parameter for name, parameter in generator if id(parameter) not in ids}

    def own(self, task: int) -> dict[str, Parameter]:
        ids = {id(parameter) for part in self.generator.own() for parameter in part.tasks[task].parameters()}
        generator = self.generator.named_parameters(prefix="generator")
        return {name: parameter for name, parameter in generator if id(parameter) in ids}

    def phases(self, tasks: Sequence[int]) -> list[Phase]:
        of_tasks = [parameter for task in tasks for parameter in self.own(task).values()]
        judged, drawn = list(self.discriminator.parameters()), [*self.shared().values(), *of_tasks]
        return [
            Phase("discriminator", judged, self.discriminator_loss, moves_shared=False, draw=self.drawn),
            Phase("generator", drawn, self.generator_loss, moves_shared=True, draw=self.drawn),
        ]

    def networks(self) -> list[nn.Module]:
        return [self.generator.trunk, self.discriminator.trunk]

    def discriminator_loss(self, batch: Batch, step: int, random: RandomSource) -> Tensor:
        """softplus(-D(x)) + softplus(D(G(z))), and every few steps the R1 penalty (gamma / 2) E|dD/dx|^2.

        It is not weighted up by the number of steps between: that was worse. Mean FID of ten digits, seed 0, of ``gencl
        train --preset mnist-cgan --method joint --set train.steps=240`` with train.lr 0.001 and 0.002: 227 and 164;
        weighted up, which is ``--set model.r1=8``: 269 and 230.
        """
        positions = self.position[batch.classes]
        with torch.no_grad():
            fake = self.generator(batch.extra["latents"], positions)
        if step % self.settings.r1_every or not self.settings.r1:
            scores = self.discriminator(torch.cat([batch.inputs, fake]), positions.repeat(2))
            real_score, fake_score = scores.chunk(2)
            return F.softplus(-real_score).mean() + F.softplus(fake_score).mean()

        def judged(images: Tensor) -> tuple[Tensor, Tensor]:
            scores: Tensor = self.discriminator(images, positions)
            return scores.sum(), scores

        slope, real_score = grad(judged, has_aux=True)(batch.inputs)
        penalty: Tensor = slope.square().sum((1, 2, 3)).mean() * (self.settings.r1 / 2)
        fake_score = self.discriminator(fake, positions)
        return F.softplus(-real_score).mean() + F.softplus(fake_score).mean() + penalty

    def generator_loss(self, batch: Batch, step: int, random: RandomSource) -> Tensor:
        """The non-saturating loss softplus(-D(G(z)))."""
        positions = self.position[batch.classes]
        images = self.generator(batch.extra["latents"], positions)
        return F.softplus(-self.discriminator(images, positions)).mean()

    def misalignment(self, teacher: Generator, classes: Tensor, latents: Tensor, batch: Batch) -> Tensor:
        """Mean squared difference of pixels, images in [0, 1]."""
        positions = self.position[classes]
        with torch.no_grad():
            before = teacher(latents, positions)
        return F.mse_loss(self.generator(latents, positions), before)

    def probe(self, task: Task, n: int | None, random: RandomSource) -> Batch:
        """Latents and classes of the task; the images are its generated ones' place-holders (they are not needed)."""
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
