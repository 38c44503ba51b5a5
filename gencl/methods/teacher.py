"""The frozen copy of the generator, made when a task begins, that replay draws from and alignment compares with."""

from __future__ import annotations

import torch
from torch import Tensor

from gencl.core.randomness import RandomSource
from gencl.learners.capabilities import IMAGES
from gencl.learners.generative import Generator
from gencl.learners.learner import Learner
from gencl.methods.base import Context, Method, under, within


class Teacher:
    """Draws old classes, uniformly over all past ones, as the learner drew them when the task began.

    No images are stored, but one more generator while training.
    """

    def __init__(self) -> None:
        self._copy: tuple[Generator, Tensor] | None = None
        """The generator and the past classes, once there are any."""

    def __bool__(self) -> bool:
        """Whether there is anything old to draw."""
        return self._copy is not None

    @property
    def generator(self) -> Generator:
        """The copy. There must be something old."""
        assert self._copy is not None
        return self._copy[0]

    @property
    def past(self) -> Tensor:
        """The past classes. There must be some."""
        assert self._copy is not None
        return self._copy[1]

    def begin(self, ctx: Context) -> None:
        """Called before each task."""
        now = set(ctx.task.classes)
        self._take(ctx.learner, [c for c in ctx.learner.classes if c not in now])

    def _take(self, learner: Learner, past: list[int]) -> None:
        if past:
            self._copy = IMAGES(learner).frozen_generator(), torch.tensor(past, device=learner.position.device)

    def draw(self, n: int, random: RandomSource) -> tuple[Tensor, Tensor]:
        """n past classes (n,) and latents (n, d). There must be something old."""
        return random.choice(self.past, n), self.generator.draw_latents(n, random)

    def state_dict(self) -> dict[str, Tensor]:
        """By name; empty where there is nothing old."""
        return {"past": self.past, **under("teacher", self.generator.state_dict())} if self else {}

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        """Restores `state_dict`."""
        if state:
            self._take(learner, state["past"].tolist())
            self.generator.load_state_dict(within("teacher", state))


class Taught(Method):
    """A method with a teacher, made anew before each task."""

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
