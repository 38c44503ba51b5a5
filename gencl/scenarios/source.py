"""Sources of a task's batches."""

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
    """Gives a batch for each step.

    A batch depends on the step and the source's state alone, so that a resumed run continues exactly. Several processes
    take a share each of the same batch. Steps are asked for in order, each once: a source may depend on what the
    learner does meanwhile.
    """

    def meet(self, learner: Learner) -> None:
        """Called before the first batch, with the learner that will learn from this source."""

    def go_on(self, left: dict[str, Tensor]) -> None:
        """Called before the first batch if `left` of the task's earlier visit returned something."""

    @abstractmethod
    def batch(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """Return the samples of a step (0-based), on the task's device: those of process ``rank`` of ``world``."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a hash of all data that the source can give."""

    def left(self) -> dict[str, Tensor]:
        """Return the tensors with which the task's next visit continues; empty if it starts anew."""
        return {}

    def state_dict(self) -> dict[str, Tensor]:
        """Return all that a resumed run needs; empty if batches depend on the step alone."""
        return {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restore a `state_dict`."""


class TrainingImages(Source):
    """A task's training images, one permutation after another, cut into batches.

    For a part of a stream, the batches are those of the stream (``task.dealt``). For tasks merged with shares, each
    batch has a fixed number of images per part. With ``task.flip``, each image is mirrored in about half of the epochs;
    seed, task, epoch and image decide in which.

    If images are not on the device of their labels, they are read one batch ahead. An epoch's order is copied only once
    to the device of the images, so that no step waits for it.
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
        # no index: values that a method stores for an image do not hold for its mirror image
        return Batch(images, self._data.labels[rows], self._tasks, None if self._flip else rows)

    def fingerprint(self) -> str:
        return self._data.fingerprint() + ("" if self._stretch is None else self._stretch.fingerprint())


def _share(rows: Tensor, rank: int, world: int) -> Tensor:
    """Return one process's rows of a batch."""
    share = len(rows) // world
    return rows[rank * share : (rank + 1) * share]


def _coins(n: int, *seed: object) -> Tensor:
    """Return n fair random booleans that depend on ``seed`` alone."""
    return torch.randint(2, (n,), generator=generator(*seed)).bool()


class Dealing(Protocol):
    """The images of a task that each step (0-based) learns from."""

    def rows(self, step: int) -> Tensor:
        """Return the images of the step's batch, int64 of shape (batch_size,)."""

    def mirrored(self, step: int) -> Tensor:
        """Return which of them are mirrored if images are mirrored at all, bool of shape (batch_size,)."""


class Shuffled:
    """Draw batches of n images, in a new order in each epoch; seed, task, epoch and image decide which are mirrored."""

    def __init__(self, n: int, batch_size: int, seed: int, task: int, device: torch.device | str = "cpu") -> None:
        self._order = Order(n, batch_size, seed, "order", task, device=device)
        self._coins = EachEpoch(lambda epoch: _coins(n, seed, "flip", task, epoch).to(device))

    def rows(self, step: int) -> Tensor:
        return self._order.rows(step)

    def mirrored(self, step: int) -> Tensor:
        return torch.cat([self._coins(epoch)[some] for epoch, some in self._order.pieces(step)])


class Ahead:
    """Read images one batch ahead, in a thread that waits for the disk and starts the copy to the device."""

    def __init__(self, read: Callable[[Tensor], Tensor]) -> None:
        self._read, self._pool = read, ThreadPoolExecutor(1)
        self._coming: tuple[Tensor, Future[Tensor]] | None = None

    def take(self, rows: Tensor, then: Tensor) -> Tensor:
        """Return the images of ``rows``, and start to read those of ``then``, the rows of the next call."""
        foreseen = self._coming is not None and self._coming[0].equal(rows)
        images = self._coming[1].result() if self._coming and foreseen else self._read(rows)
        self._coming = then, self._pool.submit(self._read, then)
        return images


class Order:
    """The order in which a task's n samples are visited: one permutation after another, cut into batches.

    Each permutation is drawn on the host, so it is the same on any ``device``.
    """

    def __init__(self, n: int, batch_size: int, *seed: object, device: torch.device | str = "cpu") -> None:
        self._n, self._batch_size = n, batch_size
        self._permutations = EachEpoch(lambda epoch: permutation(n, *seed, epoch).to(device))

    def rows(self, step: int) -> Tensor:
        """Return the samples of the batch at ``step`` (0-based), int64 (batch_size,), on the order's device."""
        pieces = [rows for _, rows in self.pieces(step)]
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def pieces(self, step: int) -> list[tuple[int, Tensor]]:
        """Return the samples of the batch at ``step`` in pieces, each with its epoch (0-based)."""
        start = step * self._batch_size
        pieces, wanted = [], self._batch_size
        while wanted:
            epoch, offset = divmod(start, self._n)
            piece = self._permutations(epoch)[offset : offset + wanted]
            pieces.append((epoch, piece))
            start, wanted = start + len(piece), wanted - len(piece)
        return pieces


class EachEpoch:
    """A tensor drawn once per epoch; at most the last two are kept."""

    def __init__(self, draw: Callable[[int], Tensor]) -> None:
        self._draw = draw
        self._drawn: dict[int, Tensor] = {}

    def __call__(self, epoch: int) -> Tensor:
        if epoch not in self._drawn:
            if len(self._drawn) > 1:
                self._drawn.clear()
            self._drawn[epoch] = self._draw(epoch)
        return self._drawn[epoch]
