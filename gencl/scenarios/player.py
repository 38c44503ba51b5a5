"""What a learner that plays offers to those who let it play."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from gencl.core.randomness import RandomSource
from gencl.scenarios.batch import Batch

Recall = Callable[[int, RandomSource], Batch]
"""Gives so many samples of what was played of a task, at random."""


class Player(Protocol):
    """A learner as a player."""

    def act(self, seen: Tensor, game: int) -> Tensor:
        """Return the best actions, int64 (n,), where ``seen`` (n, c, h, w), bool, is seen in the game of this class
        number. Both are on the CPU."""

    def exploration(self, frame: int) -> float:
        """Return the share of random actions at a frame of a visit (0-based)."""

    def remembers(self, task: int, recall: Recall) -> None:
        """From here on ``recall`` gives samples of the task with this index."""
