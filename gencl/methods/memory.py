"""A memory of a few real images of earlier tasks, equally many per class, used by ER and A-GEM."""

from __future__ import annotations

from collections.abc import Sequence

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

    memory: int = Field(500, ge=1, description="number of stored images, over all classes")


class Memory:
    """Keeps ``size`` images, divided equally among all classes learned.

    A class with fewer images than its share keeps all of them. Every class keeps at least one image, so the memory is
    larger if there are more classes than places.

    If a class comes in several tasks, these share its places equally, however often they come. A task that comes back
    fills its places anew. If it shows other images than before (`Task.dealt`), old images keep the places that it
    cannot fill. A class that has come back whole (`Task.whole`) is not drawn while its task is learned, unless nothing
    else is stored.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: dict[str, Tensor] = {}
        """``images`` uint8 (n, c, h, w), ``classes`` (n,), and ``tasks`` (n,), as indices of first visits."""
        self._drawable: tuple[Task, Tensor] | None = None
        """A task and the rows that it may draw, cached because finding them makes a GPU wait."""

    def __bool__(self) -> bool:
        """Return whether the memory holds anything."""
        return bool(self._held)

    def draw(self, n: int, task: Task, random: RandomSource) -> tuple[Tensor, Tensor]:
        """Draw n images (n, c, h, w) in [0, 1] and their classes (n,), with replacement, while ``task`` is learned.

        The memory must hold something.
        """
        images, classes = self._held["images"], self._held["classes"]
        if self._drawable is None or self._drawable[0] is not task:
            self._drawable = task, self._rows_for(task)
        rows = random.choice(self._drawable[1], n)
        return images[rows].float() / 255, classes[rows]

    def _rows_for(self, task: Task) -> Tensor:
        classes = self._held["classes"]
        rows = torch.arange(len(classes), device=classes.device)
        others = rows[~torch.isin(classes, torch.tensor(task.whole, device=rows.device))] if task.whole else rows
        return others if len(others) else rows

    def fill(self, ctx: Context) -> None:
        """Add images of the task just learned. Each class then keeps at most max(1, size // classes) images."""
        each = max(1, self._size // len(ctx.learner.classes))
        train, visit = ctx.task.train, ctx.task.first_visit
        order = importance_random(ctx, "memory").uniform(len(train)).argsort(stable=True)
        new = {label: order[train.labels[order] == label] for label in ctx.task.classes}
        held = self._rows()
        before: list[Tensor] = []
        kept: list[Tensor] = []
        for label in dict.fromkeys([*new, *held]):
            rows = held.get(label, {})
            wanted = {task: len(some) for task, some in rows.items()}
            if label in new:
                again = 0 if ctx.task.dealt is None else wanted.get(visit, 0)
                wanted[visit] = len(new[label]) + again
            quotas = dict(zip(wanted, shared_alike(list(wanted.values()), each), strict=True))
            if label in new:
                before.append(new[label][: quotas[visit]])
                quotas[visit] -= len(before[-1])
            kept += [some[: quotas[task]] for task, some in rows.items()]
        fresh = torch.cat([order[:0], *before])
        now = {"images": train.take(fresh), "classes": train.labels[fresh], "tasks": torch.full_like(fresh, visit)}
        old = torch.cat([order[:0], *kept])
        self._held = {name: torch.cat([value, self._held.get(name, value)[old]]) for name, value in now.items()}
        self._drawable = None

    def _rows(self) -> dict[int, dict[int, Tensor]]:
        """Return the rows of the stored images, by class and task."""
        found: dict[int, dict[int, Tensor]] = {}
        for label in self._held["classes"].unique(sorted=True).tolist() if self else ():
            places = (self._held["classes"] == label).nonzero().squeeze(1)
            tasks = self._held["tasks"][places]
            found[label] = {task: places[tasks == task] for task in tasks.unique().tolist()}
        return found

    def state_dict(self) -> dict[str, Tensor]:
        """Return the stored tensors by name; empty if nothing is stored."""
        return dict(self._held)

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restore `state_dict`."""
        self._held, self._drawable = dict(state), None


def shared_alike(wanted: Sequence[int], places: int) -> list[int]:
    """Return how many of the places each gets: equally many, but none more than ``wanted``.

    Places that some do not want, and the remainder of the division, go to those that want most.
    """
    shares = [0] * len(wanted)
    for rank, number in enumerate(sorted(range(len(wanted)), key=wanted.__getitem__)):
        shares[number] = min(wanted[number], places // (len(wanted) - rank))
        places -= shares[number]
    return shares


class Remembering(Method):
    """A method with a memory, to which each task adds images when it is over."""

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
