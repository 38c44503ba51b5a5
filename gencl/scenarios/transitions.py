"""A replay memory: the last frames that were played, in bits."""

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
    """Frames: what was seen (n, c, h, w), bool; the actions (n,), int64, and rewards (n,), float32, that followed; what
    was seen next (n, c, h, w), bool; and whether the episode had ended (n,), bool."""

    seen: Tensor
    actions: Tensor
    rewards: Tensor
    following: Tensor
    ended: Tensor


class ReplayMemory:
    """The last ``capacity`` frames of ``games`` games that are played side by side.

    A frame is stored once: what follows it is seen in the next one. Observations of (h, w, c) take a bit a value.
    """

    def __init__(self, capacity: int, games: int, shape: tuple[int, int, int]) -> None:
        self._shape, self._games, self._rows = shape, games, max(1, capacity // games) + 1
        place = (self._rows, games)
        self._seen = np.zeros((*place, math.ceil(math.prod(shape) / 8)), dtype=np.uint8)
        self._actions = np.zeros(place, dtype=np.uint8)
        self._rewards = np.zeros(place, dtype=np.float32)
        self._ended = np.zeros(place, dtype=np.bool_)
        self.rounds = 0
        """So many frames of each game were added."""

    @property
    def capacity(self) -> int:
        """The most frames that it holds."""
        return (self._rows - 1) * self._games

    def __len__(self) -> int:
        return min(self.rounds * self._games, self.capacity)

    def begin(self, seen: Sequence[Observation]) -> None:
        """Notes what is seen, in each game, before the next frame."""
        self._seen[self.rounds % self._rows] = np.packbits(np.stack(seen).reshape(self._games, -1), axis=1)

    def add(
        self, actions: Sequence[int], rewards: Sequence[float], ended: Sequence[bool], seen: Sequence[Observation]
    ) -> None:
        """Notes a frame of each game, and what is seen before the next one."""
        row = self.rounds % self._rows
        self._actions[row], self._rewards[row], self._ended[row] = actions, rewards, ended
        self.rounds += 1
        self.begin(seen)

    def take(self, places: Tensor) -> Transitions:
        """The transitions at these places (n,), each at least 0 and less than the memory's length."""
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
        """All of it."""
        parts = {name: torch.from_numpy(part) for name, part in self._parts().items()}
        return {**parts, "rounds": torch.tensor(self.rounds)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restores `state_dict` of a memory of the same size."""
        for name, part in self._parts().items():
            part[...] = state[name].cpu().numpy()
        self.rounds = int(state["rounds"])
