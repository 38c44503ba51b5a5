"""MinAtar's games (Young & Tian 2019): how one is played and scored, and one that goes on."""

from __future__ import annotations

import json
import math
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gencl.core.errors import GenclError
from gencl.core.extras import EXTRAS
from gencl.core.randomness import derive_seed

ACTIONS = ("nothing", "left", "up", "right", "down", "fire")
"""What a player may do, in every game."""

Observation = NDArray[np.bool_]
"""What a player sees, (height, width, channels)."""


def games(where: str) -> list[str]:
    """Return the names of the games that are installed. Raises UsageError, naming ``where`` they are asked for, without
    the extra."""
    EXTRAS["games"].require(where)
    return sorted(module.name for module in pkgutil.iter_modules(import_module("minatar.environments").__path__))


@dataclass(frozen=True)
class Game:
    """One game, and how it is played: equal ones are the same task.

    Args:
        name: MinAtar's name of it.
        channels: of an observation; a game that has fewer leaves the last ones empty.
        sticky: the chance that a frame repeats the action before, whatever the player does.
        ramping: whether it becomes more difficult as one plays.
        episodes: how many are played for a score, their mean.
        longest: frames after which such an episode ends.
        epsilon: share of random actions in them.
        random: score of a player that acts at random, if known.
        single: score of a player that learned this game alone, if known.
    """

    name: str
    channels: int
    sticky: float = 0.1
    ramping: bool = True
    episodes: int = 30
    longest: int = 5000
    epsilon: float = 0.0
    random: float | None = None
    single: float | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an observation: (height, width, channels)."""
        return 10, 10, self.channels

    def begin(self, *seed: object) -> Environment:
        """Return a game of its own that is about to begin; equal seeds, equal games."""
        return Environment(self, derive_seed(*seed) % 2**32)

    def fingerprint(self) -> str:
        """What tells its frames from those of another game, or of other rules."""
        return repr((self.name, self.channels, self.sticky, self.ramping, version("minatar")))

    def normalised(self, score: float) -> float | None:
        """Return 0 for a random player's score and 1 for that of one that learned this game alone; None where these are
        not known."""
        if self.random is None or self.single is None:
            return None
        return (score - self.random) / (self.single - self.random)


def planes(seen: Sequence[Observation]) -> Tensor:
    """Return observations as bool (n, c, h, w)."""
    return torch.from_numpy(np.stack(seen)).permute(0, 3, 1, 2).contiguous()


class Environment:
    """A game that goes on, episode after episode."""

    def __init__(self, game: Game, seed: int) -> None:
        self._game, self._frames = game, 0
        made = import_module("minatar").Environment
        self._minatar = made(game.name, sticky_action_prob=game.sticky, difficulty_ramping=game.ramping)
        self._minatar.seed(seed)
        self._shape = tuple(self._minatar.state_shape())

    def reset(self) -> Observation:
        """Begins an episode, and returns what is seen."""
        try:
            self._minatar.reset()
        except Exception as error:
            raise self._failed(error) from error
        return self.seen()

    def act(self, action: int) -> tuple[Observation, float, bool]:
        """Plays a frame. Returns what is seen then, the reward, and whether the episode ends.

        Raises GenclError where the game breaks.
        """
        self._frames += 1
        try:
            reward, ended = self._minatar.act(action)
            reward, ended = float(reward), bool(ended)
        except Exception as error:
            raise self._failed(error) from error
        if not math.isfinite(reward):
            raise GenclError(f"game {self._game.name}: frame {self._frames} gave the reward {reward}, no finite number")
        return self.seen(), reward, ended

    def seen(self) -> Observation:
        """Return what is seen now, with as many channels as the game is asked for."""
        try:
            seen = np.asarray(self._minatar.state())
        except Exception as error:
            raise self._failed(error) from error
        if seen.shape != self._shape or seen.dtype != np.bool_:
            raise GenclError(
                f"game {self._game.name}: frame {self._frames} showed {seen.dtype} {seen.shape} and not bool "
                f"{self._shape}"
            )
        whole = np.zeros(self._game.shape, dtype=np.bool_)
        whole[..., : seen.shape[2]] = seen
        return whole

    def _failed(self, error: Exception) -> GenclError:
        told = " ".join(str(error).split())[:200]
        return GenclError(f"game {self._game.name} broke at frame {self._frames}: {type(error).__name__}: {told}")

    def state_dict(self) -> dict[str, Tensor]:
        """All that the rest of the game depends on: a text in bytes, and the random state."""
        rules, random = self._minatar.env, self._minatar.random.get_state()
        inner = {name: value for name, value in vars(rules).items() if name != "random"}
        told = {"inner": inner, "last_action": self._minatar.last_action, "random": random[2:], "frames": self._frames}
        text = torch.tensor(list(json.dumps(told, default=_plain).encode()), dtype=torch.uint8)
        return {"text": text, "keys": torch.from_numpy(random[1].astype(np.int64))}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restores `state_dict`."""
        told = json.loads(bytes(state["text"].tolist()), object_hook=_restored)
        vars(self._minatar.env).update(told["inner"])
        self._minatar.last_action, self._frames = told["last_action"], told["frames"]
        keys = state["keys"].cpu().numpy().astype(np.uint32)
        self._minatar.random.set_state(("MT19937", keys, *told["random"]))


def _plain(value: object) -> object:
    """What JSON can hold of an array or a number of NumPy's."""
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be stored")


def _restored(tree: dict[str, Any]) -> Any:
    return np.array(tree["array"], dtype=tree["dtype"]) if "array" in tree else tree
