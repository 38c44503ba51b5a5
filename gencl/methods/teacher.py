"""The frozen copy of the generator, made when a task begins, that replay and alignment draw from."""

from __future__ import annotations

import torch
from torch import Tensor

from gencl.core.prefixes import under, within
from gencl.core.processes import Processes
from gencl.core.randomness import RandomSource
from gencl.learners.capabilities import IMAGES
from gencl.learners.generative import GenerativeLearner, Generator
from gencl.learners.learner import Learner
from gencl.methods.base import Context, Method, importance_random
from gencl.scenarios.batch import Batch

_AT_ONCE = 256
"""The number of a pool's images that are drawn at a time. More took longer on a CPU."""


class Teacher:
    """Draws past classes, uniformly, as the learner drew them when the task began.

    A class of the present task that was learned before also counts as past, since the task has other images of it. The
    classes of a task that has come back are left out, because their images are there again.

    No training images are stored, but training needs one more generator. A learner that draws slowly asks for a pool
    (`GenerativeLearner.pool`). That many images of each past class are drawn when the task begins, and each step takes
    some of them.
    """

    def __init__(self) -> None:
        self._copy: tuple[Generator, Tensor] | None = None
        """The generator and the past classes, once there are any."""
        self._pool: tuple[Tensor, Tensor] | None = None
        """Images, uint8 (n, c, h, w), and their classes (n,), if the learner wants a pool."""

    def __bool__(self) -> bool:
        """Return whether there is any past class to draw."""
        return self._copy is not None

    @property
    def generator(self) -> Generator:
        """The copy. There must be a past class."""
        assert self._copy is not None
        return self._copy[0]

    @property
    def past(self) -> Tensor:
        """The past classes, (k,). There must be one."""
        assert self._copy is not None
        return self._copy[1]

    def begin(self, ctx: Context) -> None:
        """Copy the generator, and fill the pool if the learner wants one. Called before each task."""
        before = ctx.learner.groups_of(range(ctx.task.parts[0].index))
        known = [c for group in before for c in ctx.learner.groups[group]]
        self._take(ctx.learner, [c for c in known if c not in ctx.task.whole])
        if self and (size := IMAGES(ctx.learner).pool):
            self._pool = self._drawn(IMAGES(ctx.learner), size, importance_random(ctx, "pool"), ctx.processes)

    def _take(self, learner: Learner, past: list[int]) -> None:
        """Copy the generator; if no class is past (all have come back), drop the copy and pool of the task before."""
        self._copy = self._pool = None
        if past:
            self._copy = IMAGES(learner).frozen_generator(), torch.tensor(past, device=learner.position.device)

    @torch.no_grad()
    def _drawn(
        self, learner: GenerativeLearner, size: int, random: RandomSource, processes: Processes
    ) -> tuple[Tensor, Tensor]:
        classes = self.past.repeat_interleave(size)
        images = []
        for some in classes.split(_AT_ONCE):
            latents = self.generator.draw_latents(len(some), random)
            images.append(processes.divided(self.generator, latents, learner.position[some]))
        return (torch.cat(images) * 255).round().to(torch.uint8), classes

    def _from_pool(self, n: int, random: RandomSource) -> Batch:
        assert self._pool is not None
        images, classes = self._pool
        rows = random.choice(torch.arange(len(classes), device=classes.device), n)
        return Batch(images, classes).rows(rows)

    def images(self, n: int, learner: Learner, random: RandomSource) -> tuple[Tensor, Tensor]:
        """Draw n old images (n, c, h, w) in [0, 1] and their classes (n,). There must be a past class."""
        if self._pool is not None:
            old = self._from_pool(n, random)
            return old.inputs, old.classes
        old = self.draw(n, learner, random)
        with torch.no_grad():
            return self.generator(old.extra["latents"], learner.position[old.classes]), old.classes

    def draw(self, n: int, learner: Learner, random: RandomSource) -> Batch:
        """Draw n samples of past classes for `GenerativeLearner.misalignment`. There must be a past class."""
        if self._pool is not None:
            return IMAGES(learner).drawn(self._from_pool(n, random), random)
        classes = random.choice(self.past, n)
        latents = self.generator.draw_latents(n, random)
        return Batch(latents.new_zeros(n, 0), classes, extra={"latents": latents})

    def state_dict(self) -> dict[str, Tensor]:
        """Return the tensors by name; empty if there is no past class."""
        pool = {} if self._pool is None else dict(zip(("images", "classes"), self._pool, strict=True))
        return (
            {"past": self.past, **under("teacher", self.generator.state_dict()), **under("pool", pool)} if self else {}
        )

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        """Restore `state_dict`."""
        if state:
            self._take(learner, state["past"].tolist())
            self.generator.load_state_dict(within("teacher", state))
            if pool := within("pool", state):
                self._pool = pool["images"], pool["classes"]


class Taught(Method):
    """A method with a teacher, which is renewed before each task."""

    copies = 1.0

    def __init__(self, settings: object) -> None:
        super().__init__(settings)
        self._teacher = Teacher()

    def before_task(self, ctx: Context) -> None:
        self._teacher.begin(ctx)

    def state_dict(self) -> dict[str, Tensor]:
        return self._teacher.state_dict()

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        self._teacher.load_state_dict(state, learner)
