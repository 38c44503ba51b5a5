"""A memory of a few real images of earlier tasks, equally many per class: what ER replays and A-GEM looks back at."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from gencl.core.part import Part
from gencl.core.randomness import RandomSource
from gencl.learners.learner import Learner
from gencl.methods.base import Context, Method, importance_random
from gencl.scenarios.task import Task


class MemorySettings(Part):
    """The size of a memory of real images."""

    memory: int = Field(500, ge=1, description="images kept, over all classes")


class Memory:
    """Keeps ``size`` images over all classes learned: all images of a class that has fewer than its share, and at
    least one per class, so that the memory is larger where there are more classes than places.

    A class that comes in several tasks shares its places among them alike. A task that has come back fills its places
    anew, and while it is there, its own images are not drawn from the memory.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._images: Tensor | None = None
        self._classes: Tensor | None = None

    def __bool__(self) -> bool:
        """Whether it holds anything."""
        return self._images is not None

    def draw(self, n: int, task: Task, random: RandomSource) -> tuple[Tensor, Tensor]:
        """n images (n, c, h, w) in [0, 1] and their classes (n,), with replacement, while ``task`` is learned. The
        memory must hold something."""
        assert self._images is not None and self._classes is not None
        rows = torch.arange(len(self._classes), device=self._classes.device)
        if task.whole:
            others = rows[~torch.isin(self._classes, torch.tensor(task.whole, device=rows.device))]
            rows = others if len(others) else rows
        rows = random.choice(rows, n)
        return self._images[rows].float() / 255, self._classes[rows]

    def fill(self, ctx: Context) -> None:
        """Makes room for the classes of the task just learned: each class keeps size // classes images."""
        each = max(1, self._size // len(ctx.learner.classes))
        train, random = ctx.task.train, importance_random(ctx, "memory")
        order = random.uniform(len(train)).argsort(stable=True)
        images, classes = [], []
        kept: dict[int, int] = {}
        for label in ctx.task.classes:
            share = ctx.task.kept_share(label)
            rows = order[train.labels[order] == label][: each - round(each * share)]
            kept[label] = each - len(rows) if share else 0
            images.append(train.take(rows))
            classes.append(train.labels[rows])
        if self._images is not None and self._classes is not None:
            for label in self._classes.unique(sorted=True).tolist():
                old = _spread((self._classes == label).nonzero().squeeze(1), kept.get(label, each))
                images.append(self._images[old])
                classes.append(self._classes[old])
        self._images, self._classes = torch.cat(images), torch.cat(classes)

    def state_dict(self) -> dict[str, Tensor]:
        """By name; empty where nothing is held."""
        if self._images is None or self._classes is None:
            return {}
        return {"images": self._images, "classes": self._classes}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restores `state_dict`."""
        self._images, self._classes = state.get("images"), state.get("classes")


def _spread(places: Tensor, n: int) -> Tensor:
    """n of the places, evenly spaced: those of a class stand task by task, and each task gives its part."""
    if n >= len(places):
        return places
    return places[torch.arange(n, device=places.device) * len(places) // n]


class Remembering(Method):
    """A method with a memory, which each task fills when it is over."""

    moves_old = True
    settings: MemorySettings

    def __init__(self, settings: MemorySettings) -> None:
        super().__init__(settings)
        self._memory = Memory(settings.memory)

    def after_task(self, ctx: Context) -> None:
        self._memory.fill(ctx)

    def state_dict(self) -> dict[str, Tensor]:
        return self._memory.state_dict()

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        self._memory.load_state_dict(state)
