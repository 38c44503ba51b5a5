"""A replay memory: the frames played last, with observations packed into bits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gencl.scenarios.game import Observation


@dataclass(frozen=True)
class Transitions:
    """Transitions of n frames.

    ``seen`` are the observations (n, c, h, w), bool; ``actions`` (n,), int64, and ``rewards`` (n,), float32, followed
    them. ``following`` are the next observations (n, c, h, w), bool. ``ended`` (n,), bool, says whether the episode
    ended.
    """

    seen: Tensor
    actions: Tensor
    rewards: Tensor
    following: Tensor
    ended: Tensor


class ReplayMemory:
    """The last frames of ``games`` games played side by side: ``capacity`` of them, rounded down to equally many per
    game.

    Each observation (h, w, c) is stored once, as one bit per value: it also serves as the successor of the frame
    before.
    """

    def __init__(self, capacity: int, games: int, shape: tuple[int, int, int]) -> None:
        self._shape, self._games, self._rows = shape, games, max(1, capacity // games) + 1
        place = (self._rows, games)
        self._seen = np.zeros((*place, math.ceil(math.prod(shape) / 8)), dtype=np.uint8)
        self._actions = np.zeros(place, dtype=np.uint8)
        self._rewards = np.zeros(place, dtype=np.float32)
        self._ended = np.zeros(place, dtype=np.bool_)
        self.rounds = 0
        """Number of frames added per game."""

    @property
    def capacity(self) -> int:
        """The largest number of frames that it holds."""
        return (self._rows - 1) * self._games

    def __len__(self) -> int:
        return min(self.rounds * self._games, self.capacity)

    def begin(self, seen: Sequence[Observation]) -> None:
        """Store what each game shows before the next frame."""
        self._seen[self.rounds % self._rows] = np.packbits(np.stack(seen).reshape(self._games, -1), axis=1)

    def add(
        self, actions: Sequence[int], rewards: Sequence[float], ended: Sequence[bool], seen: Sequence[Observation]
    ) -> None:
        """Store one frame of each game, and what each shows before the next one."""
        row = self.rounds % self._rows
        self._actions[row], self._rewards[row], self._ended[row] = actions, rewards, ended
        self.rounds += 1
        self.begin(seen)

    def take(self, places: Tensor) -> Transitions:
        """Return the transitions at ``places`` (n,), each from 0 to the memory's length - 1."""
        rows, games = np.divmod(places.numpy(), self._games)
        rows = (rows + self.rounds - min(self.rounds, self._rows - 1)) % self._rows
        return Transitions(
            self._observations(rows, games),
            torch.from_numpy(self._actions[rows, games].astype(np.int64)),
            torch.from_numpy(self._rewards[rows, games]),
            self._observations((rows + 1) % self._rows, games),
            torch.from_numpy(self._ended[rows, games]),
        )

    def _observations(self, rows: NDArray[np.int64], games: NDArray[np.int64]) -> Tensor:
        bits = np.unpackbits(self._seen[rows, games], axis=1, count=math.prod(self._shape))
        return torch.from_numpy(bits.view(np.bool_).reshape(-1, *self._shape)).permute(0, 3, 1, 2).contiguous()

    def _parts(self) -> dict[str, NDArray[Any]]:
        return {"seen": self._seen, "actions": self._actions, "rewards": self._rewards, "ended": self._ended}

    def state_dict(self) -> dict[str, Tensor]:
        """Return the whole memory."""
        parts = {name: torch.from_numpy(part) for name, part in self._parts().items()}
        return {**parts, "rounds": torch.tensor(self.rounds)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restore the `state_dict` of a memory of the same size."""
        for name, part in self._parts().items():
            part[...] = state[name].cpu().numpy()
        self.rounds = int(state["rounds"])
