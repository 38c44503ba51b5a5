"""Where the batches of a task come from."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from gencl.core.randomness import generator, permutation
from gencl.core.transfer import sent
from gencl.scenarios.batch import Batch

if TYPE_CHECKING:
    from gencl.learners.learner import Learner
    from gencl.scenarios.task import Task


class Source(Protocol):
    """Gives a batch for each step. What it gives follows from the step and its state alone, so that a resumed run
    agrees; several processes take a share each of one batch.

    Steps are asked for in order, each once: a source may depend on what the learner does meanwhile."""

    def meet(self, learner: Learner) -> None:
        """Called before the first batch: from here on ``learner`` learns from this source."""

    def go_on(self, left: dict[str, Tensor]) -> None:
        """Called before the first batch where an earlier visit of the task has ``left`` something."""

    @abstractmethod
    def batch(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """The samples of a step (0-based), on the task's device: those of process ``rank`` of ``world``."""

    @abstractmethod
    def fingerprint(self) -> str:
        """A hash of all that it can give."""

    def left(self) -> dict[str, Tensor]:
        """What the next visit of the task goes on with; empty where that begins anew."""
        return {}

    def state_dict(self) -> dict[str, Tensor]:
        """All that a resumed run needs; empty where the step says it all."""
        return {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restores `state_dict`."""


class TrainingImages(Source):
    """A task's training images, one permutation after another, cut into batches.

    Where the task is part of a stream, its batches are those of the stream (``task.dealt``); where it is merged with
    shares, each batch has so many images of each part. With ``task.flip`` each image is mirrored in about half of the
    epochs: seed, task, epoch and image decide. Images that are not on the device of their labels come a batch ahead.
    The order of an epoch goes to where the images are once, so that no step waits for it.
    """

    def __init__(self, task: Task, batch_size: int, seed: int) -> None:
        self._data, self._tasks, self._flip = task.train, tuple(part.index for part in task.parts), task.flip
        there, self._stretch = self._data.store.device, task.dealt
        self._dealt = task.dealing(batch_size, seed, there)
        self._ahead = Ahead(self._data.take) if self._data.store.device != self._data.labels.device else None

    def batch(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        rows = _share(self._dealt.rows(step), rank, world)
        if self._ahead is None:
            taken = self._data.take(rows)
        else:
            taken = self._ahead.take(rows, _share(self._dealt.rows(step + 1), rank, world))
        images = taken.float().div_(255)
        if self._flip:
            mirrored = sent(_share(self._dealt.mirrored(step), rank, world), images.device)
            images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
        rows = sent(rows, self._data.labels.device)
        # what somebody has noted of an image is not of its mirror image
        return Batch(images, self._data.labels[rows], self._tasks, None if self._flip else rows)

    def fingerprint(self) -> str:
        return self._data.fingerprint() + ("" if self._stretch is None else self._stretch.fingerprint())


def _share(rows: Tensor, rank: int, world: int) -> Tensor:
    """What a process has of a batch."""
    share = len(rows) // world
    return rows[rank * share : (rank + 1) * share]


def _coins(n: int, *seed: object) -> Tensor:
    """n fair booleans that depend on ``seed`` alone."""
    return torch.randint(2, (n,), generator=generator(*seed)).bool()


class Dealing(Protocol):
    """Which of a task's images a step (0-based) learns from."""

    def rows(self, step: int) -> Tensor:
        """The images of the step's batch, int64 of shape (batch_size,)."""

    def mirrored(self, step: int) -> Tensor:
        """Which of them are mirrored, where images are mirrored at all, bool of shape (batch_size,)."""


class Shuffled:
    """Deals n images in a new order in each epoch; seed, task, epoch and image decide which are mirrored."""

    def __init__(self, n: int, batch_size: int, seed: int, task: int, device: torch.device | str = "cpu") -> None:
        self._order = Order(n, batch_size, seed, "order", task, device=device)
        self._coins = EachEpoch(lambda epoch: _coins(n, seed, "flip", task, epoch).to(device))

    def rows(self, step: int) -> Tensor:
        return self._order.rows(step)

    def mirrored(self, step: int) -> Tensor:
        return torch.cat([self._coins(epoch)[some] for epoch, some in self._order.pieces(step)])


class Ahead:
    """Reads images while others are learned: a thread waits for the disk and starts the copy to the device."""

    def __init__(self, read: Callable[[Tensor], Tensor]) -> None:
        self._read, self._pool = read, ThreadPoolExecutor(1)
        self._coming: tuple[Tensor, Future[Tensor]] | None = None

    def take(self, rows: Tensor, then: Tensor) -> Tensor:
        """The images of these rows; those of the rows that are wanted ``then`` are read meanwhile."""
        foreseen = self._coming is not None and self._coming[0].equal(rows)
        images = self._coming[1].result() if self._coming and foreseen else self._read(rows)
        self._coming = then, self._pool.submit(self._read, then)
        return images


class Order:
    """The order in which a task's n samples are visited: one permutation after another, cut into batches.

    Each permutation is drawn on the host, and is the same on any ``device``.
    """

    def __init__(self, n: int, batch_size: int, *seed: object, device: torch.device | str = "cpu") -> None:
        self._n, self._batch_size = n, batch_size
        self._permutations = EachEpoch(lambda epoch: permutation(n, *seed, epoch).to(device))

    def rows(self, step: int) -> Tensor:
        """The samples of the batch at ``step`` (0-based), int64 of shape (batch_size,), on the order's device."""
        pieces = [rows for _, rows in self.pieces(step)]
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def pieces(self, step: int) -> list[tuple[int, Tensor]]:
        """The same, divided by the epoch (0-based) that they belong to."""
        start = step * self._batch_size
        pieces, wanted = [], self._batch_size
        while wanted:
            epoch, offset = divmod(start, self._n)
            piece = self._permutations(epoch)[offset : offset + wanted]
            pieces.append((epoch, piece))
            start, wanted = start + len(piece), wanted - len(piece)
        return pieces


class EachEpoch:
    """What is drawn once for each epoch, of which the last two are kept."""

    def __init__(self, draw: Callable[[int], Tensor]) -> None:
        self._draw = draw
        self._drawn: dict[int, Tensor] = {}

    def __call__(self, epoch: int) -> Tensor:
        if epoch not in self._drawn:
            if len(self._drawn) > 1:
                self._drawn.clear()
            self._drawn[epoch] = self._draw(epoch)
        return self._drawn[epoch]
