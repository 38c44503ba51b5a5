"""The interface of a learner that plays games."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from gencl.core.randomness import RandomSource
from gencl.scenarios.batch import Batch

Recall = Callable[[int, RandomSource], Batch]
"""Returns the given number of random samples of what was played in a task."""


class Player(Protocol):
    """A learner as the player of a game."""

    def act(self, seen: Tensor, game: int) -> Tensor:
        """Return the best actions, int64 (n,), for observations ``seen``, bool (n, c, h, w), of a game.

        ``game`` is its class number. Both tensors are on the CPU.
        """

    def exploration(self, frame: int) -> float:
        """Return the share of random actions at a frame of a visit (0-based)."""

    def remembers(self, task: int, recall: Recall) -> None:
        """Receive ``recall``, which from now on gives samples of the task with this index."""
