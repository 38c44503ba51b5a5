"""Learners that draw images, and what they draw with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from gencl.core.randomness import RandomSource
from gencl.learners.learner import Learner
from gencl.learners.parts import own_in, shared_in
from gencl.scenarios.batch import Batch


class Generator(nn.Module, ABC):
    """What draws images: a part of a generative learner, and what replay keeps a frozen copy of."""

    guidance: float | None = None
    """How strongly what is drawn follows its class, 1 being as learned; None: that cannot be chosen."""

    @abstractmethod
    def grow(self, classes: int, seed: int) -> None:
        """Adds what a task of so many classes has to itself, in lists of parameters called ``tasks``."""

    @abstractmethod
    def draw_latents(self, n: int, random: RandomSource) -> Tensor:
        """n latents, shape (n, d)."""

    @abstractmethod
    def units(self, latents: Tensor, positions: Tensor) -> Tensor:
        """The first hidden units (n, u) for the classes at these positions in the order learned.

        They are an affine function of the latent, and their units mean the same for all classes, so that on a straight
        line between two of them lie the images between two latents, or two classes.
        """

    def between(self, first: Tensor, last: Tensor, share: float) -> Tensor:
        """Units (n, u) on the way from some to others, which ``share`` of the way lies behind: a straight line."""
        return torch.lerp(first, last, share)

    @abstractmethod
    def images(self, units: Tensor) -> Tensor:
        """Images (n, c, h, w) in [0, 1] from `units`."""

    def forward(self, latents: Tensor, positions: Tensor) -> Tensor:
        """Images (n, c, h, w) in [0, 1] of the classes at these positions in the order learned."""
        return self.images(self.units(latents, positions))


class GenerativeLearner(Learner):
    """A learner that can draw images of every class it has learned."""

    kind = "generate"
    has_own = True
    generator: Generator
    pool: int = 0
    """The images of each past class that its teacher draws when a task begins, and replays and distils from while it
    lasts, for a learner whose drawing takes long. 0: they are drawn afresh in each step."""

    def grow(self, classes: Sequence[int], seed: int) -> tuple[int, ...]:
        new = super().grow(classes, seed)
        if new:
            self.generator.grow(len(new), seed)
        self.to(self.position.device)
        return new

    def shared(self) -> dict[str, Parameter]:
        return shared_in(self.generator.named_parameters(prefix="generator"))

    def own(self, task: int) -> dict[str, Parameter]:
        return own_in(self.generator.named_parameters(prefix="generator"), self.groups_of([task]))

    @abstractmethod
    def misalignment(self, teacher: Generator, old: Batch, batch: Batch) -> Tensor:
        """How far it has come from ``teacher``, a frozen copy of its generator, on what was learned before: a scalar.

        Args:
            teacher: `frozen_generator` of the time before the task.
            old: samples of past classes. Their inputs are images of the teacher's `pool`, with all that `drawn` adds;
                without a pool they are (n, 0), with latents as the teacher draws them.
            batch: what the step learns from, images of new classes.
        """

    def generator_itself(self) -> GenerativeLearner:
        return self

    def drawn(self, batch: Batch, random: RandomSource) -> Batch:
        """The batch with a latent for each sample."""
        return batch.having(latents=self.generator.draw_latents(len(batch), random))

    def generate(self, classes: Tensor, latents: Tensor) -> Tensor:
        """Images (n, c, h, w) in [0, 1], one of each class of ``classes`` (n,), from ``latents`` (n, d)."""
        images: Tensor = self.generator(latents, self.position[classes])
        return images

    def encode(self, images: Tensor, classes: Tensor) -> Tensor:
        """The latents (n, d) from which `generate` gives images (n, c, h, w) back as well as it can.

        Only of a learner that has an `encoder`.
        """
        raise NotImplementedError

    def reconstruct(self, images: Tensor, classes: Tensor) -> Tensor:
        """The images (n, c, h, w), in [0, 1], after encoding and decoding; a class says of which task an image is."""
        return self.generate(classes, self.encode(images, classes))

    def latents(self, n: int, *seed: object) -> Tensor:
        """n latents that depend on ``seed`` alone, on the learner's device."""
        drawn = self.generator.draw_latents(n, RandomSource(*seed))
        return drawn.to(self.position.device)

    def frozen_generator(self) -> Generator:
        """A copy of the generator as it is now, which nothing trains any more."""
        return deepcopy(self.generator).eval().requires_grad_(False)
