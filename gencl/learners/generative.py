"""The base classes of learners that generate images, and of their generators."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from gencl.core.errors import UsageError
from gencl.core.randomness import RandomSource
from gencl.learners.learner import Learner
from gencl.learners.parts import own_in, shared_in
from gencl.scenarios.batch import Batch

STRONGEST = 100.0
"""The highest guidance."""


class Generator(nn.Module, ABC):
    """A network that generates images: part of a generative learner. Replay keeps a frozen copy of it."""

    guidance: float | None = None
    """How strongly images follow their class; 1: as learned. None: it cannot be set."""
    unguided = "a generator of this kind draws its classes in one way"
    """Why guidance cannot be set, if it cannot."""

    def guide(self, guidance: float) -> None:
        """Set the guidance. Raises UsageError if it is not from 0 to `STRONGEST`, or cannot be set."""
        if not 0 <= guidance <= STRONGEST:  # not a number, either
            raise UsageError(f"--guidance {guidance}: it must be from 0 to {STRONGEST:g}")
        if self.guidance is None:
            raise UsageError(f"--guidance: {self.unguided}; leave it out")
        self.guidance = guidance

    @abstractmethod
    def grow(self, classes: int, seed: int) -> None:
        """Add the own parameters of a task with this number of classes, in lists of parameters called ``tasks``."""

    @abstractmethod
    def draw_latents(self, n: int, random: RandomSource) -> Tensor:
        """Draw n latents, shape (n, d)."""

    @abstractmethod
    def units(self, latents: Tensor, positions: Tensor) -> Tensor:
        """Return the first hidden units (n, u) for the classes at these positions in the order learned.

        They are an affine function of the latent, and each unit means the same for all classes. A straight line between
        two of them therefore interpolates between two latents, or between two classes.
        """

    def between(self, first: Tensor, last: Tensor, share: float) -> Tensor:
        """Interpolate between units (n, u), linearly by default. ``share`` goes from 0 (``first``) to 1 (``last``)."""
        return torch.lerp(first, last, share)

    @abstractmethod
    def images(self, units: Tensor) -> Tensor:
        """Return images (n, c, h, w) in [0, 1] from `units`."""

    def forward(self, latents: Tensor, positions: Tensor) -> Tensor:
        """Return images (n, c, h, w) in [0, 1] of the classes at these positions in the order learned."""
        return self.images(self.units(latents, positions))


class GenerativeLearner(Learner):
    """A learner that can draw images of every class it has learned."""

    kind = "generate"
    has_own = True
    generator: Generator
    pool: int = 0
    """For learners that generate slowly: the number of images per past class that the teacher generates when a task
    begins. Replay and distillation use them during the task. 0: images are generated in each step."""

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
        """Return how far the generator has moved from ``teacher``, its frozen copy, on past classes: a scalar.

        Args:
            teacher: the `frozen_generator` taken before the task.
            old: samples of past classes. Their inputs are images of the teacher's `pool`, with all that `drawn` adds.
                Without a pool their inputs are (n, 0), and their latents are drawn by the teacher.
            batch: the step's training batch, images of new classes.
        """

    def generator_itself(self) -> GenerativeLearner:
        return self

    def drawn(self, batch: Batch, random: RandomSource) -> Batch:
        """Return the batch with one latent per sample."""
        return batch.having(latents=self.generator.draw_latents(len(batch), random))

    def generate(self, classes: Tensor, latents: Tensor) -> Tensor:
        """Return one image per entry of ``classes`` (n,), (n, c, h, w) in [0, 1], from ``latents`` (n, d)."""
        images: Tensor = self.generator(latents, self.position[classes])
        return images

    def encode(self, images: Tensor, classes: Tensor) -> Tensor:
        """Return the latents (n, d) from which `generate` best reconstructs images (n, c, h, w).

        Raises NotImplementedError if the learner has no `encoder`.
        """
        raise NotImplementedError

    def reconstruct(self, images: Tensor, classes: Tensor) -> Tensor:
        """Encode and decode images (n, c, h, w) in [0, 1]. An image's class determines its task."""
        return self.generate(classes, self.encode(images, classes))

    def latents(self, n: int, *seed: object) -> Tensor:
        """Return n latents (n, d) that depend only on ``seed``, on the learner's device; more begin with the same ones.

        PyTorch draws blocks of 16 normal numbers, and an incomplete last block otherwise.
        """
        drawn = self.generator.draw_latents(-(-n // 16) * 16, RandomSource(*seed))[:n]
        return drawn.to(self.position.device)

    def frozen_generator(self) -> Generator:
        """Return a frozen copy of the generator, in evaluation mode."""
        return deepcopy(self.generator).eval().requires_grad_(False)
