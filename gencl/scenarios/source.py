"""Where the batches of a task come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from gencl.core.randomness import permutation
from gencl.scenarios.batch import Batch

if TYPE_CHECKING:
    from gencl.scenarios.task import Task


class Source(Protocol):
    """Gives a batch for each step. What it gives follows from the step and its state alone, so that a resumed run
    agrees; several processes take a share each of one batch."""

    def batch(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """The samples of a step (0-based), on the task's device: those of process ``rank`` of ``world``."""

    def fingerprint(self) -> str:
        """A hash of all that it can give."""

    def state_dict(self) -> dict[str, Tensor]:
        """All that a resumed run needs; empty where the step says it all."""

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restores `state_dict`."""


class ImagesInMemory:
    """A task's training images, one permutation after another, cut into batches."""

    def __init__(self, task: Task, batch_size: int, seed: int) -> None:
        self._data, self._tasks = task.train, tuple(part.index for part in task.parts)
        self._order = Order(len(task.train), batch_size, seed, "order", task.index)

    def batch(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        rows = self._order.rows(step)
        share = len(rows) // world
        rows = rows[rank * share : (rank + 1) * share].to(self._data.labels.device)
        images = self._data.take(rows).float().div_(255)
        return Batch(images, self._data.labels[rows], self._tasks, rows)

    def fingerprint(self) -> str:
        return self._data.fingerprint()

    def state_dict(self) -> dict[str, Tensor]:
        return {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """There is nothing to restore."""


class Order:
    """The order in which a task's n samples are visited: one permutation after another, cut into batches."""

    def __init__(self, n: int, batch_size: int, *seed: object) -> None:
        self._n, self._batch_size, self._seed = n, batch_size, seed
        self._permutations: dict[int, Tensor] = {}

    def rows(self, step: int) -> Tensor:
        """The samples of the batch at ``step`` (0-based), int64 of shape (batch_size,)."""
        start = step * self._batch_size
        pieces, wanted = [], self._batch_size
        while wanted:
            epoch, offset = divmod(start, self._n)
            piece = self._epoch(epoch)[offset : offset + wanted]
            pieces.append(piece)
            start, wanted = start + len(piece), wanted - len(piece)
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def _epoch(self, epoch: int) -> Tensor:
        if epoch not in self._permutations:
            if len(self._permutations) > 1:
                self._permutations.clear()
            self._permutations[epoch] = permutation(self._n, *self._seed, epoch)
        return self._permutations[epoch]
