"""MinAtar's games (Young & Tian 2019): the settings of a game, and a running game."""

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
"""The actions of a player, in every game."""

Observation = NDArray[np.bool_]
"""A frame as the player sees it, (height, width, channels)."""


def games(where: str) -> list[str]:
    """Return the names of the installed games.

    Raises UsageError, beginning with ``where`` (the setting that asks for games), if the extra is not installed.
    """
    EXTRAS["games"].require(where)
    return sorted(module.name for module in pkgutil.iter_modules(import_module("minatar.environments").__path__))


@dataclass(frozen=True)
class Game:
    """A game and how it is played. Equal games are the same task.

    Args:
        name: its name in MinAtar.
        channels: channels of an observation; if the game has fewer, the last ones are empty.
        sticky: probability that a frame repeats the previous action, whatever the player does.
        ramping: whether the game becomes more difficult while it is played.
        episodes: episodes per score, which is their mean.
        longest: maximum length of such an episode, in frames.
        epsilon: share of random actions in such an episode.
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
        """The shape of an observation: (height, width, channels)."""
        return 10, 10, self.channels

    def begin(self, *seed: object) -> Environment:
        """Return a new environment of this game; equal seeds give equal games."""
        return Environment(self, derive_seed(*seed) % 2**32)

    def fingerprint(self) -> str:
        """Return a text that differs between games, rules and versions of MinAtar."""
        return repr((self.name, self.channels, self.sticky, self.ramping, version("minatar")))

    def normalised(self, score: float) -> float | None:
        """Return the score scaled so that a random player has 0 and one that learned this game alone has 1.

        Returns None if these two scores are unknown.
        """
        if self.random is None or self.single is None:
            return None
        return (score - self.random) / (self.single - self.random)


def planes(seen: Sequence[Observation]) -> Tensor:
    """Return observations as bool (n, c, h, w)."""
    return torch.from_numpy(np.stack(seen)).permute(0, 3, 1, 2).contiguous()


class Environment:
    """A running game, episode after episode."""

    def __init__(self, game: Game, seed: int) -> None:
        self._game, self._frames = game, 0
        made = import_module("minatar").Environment
        self._minatar = made(game.name, sticky_action_prob=game.sticky, difficulty_ramping=game.ramping)
        self._minatar.seed(seed)
        self._shape = tuple(self._minatar.state_shape())

    def reset(self) -> Observation:
        """Begin an episode and return the first observation."""
        try:
            self._minatar.reset()
        except Exception as error:
            raise self._failed(error) from error
        return self.seen()

    def act(self, action: int) -> tuple[Observation, float, bool]:
        """Play one frame; return the next observation, the reward, and whether the episode has ended.

        Raises GenclError if the game fails, or gives a reward or observation that is not valid.
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
        """Return the current observation, padded with empty channels to ``game.channels``."""
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
        """Return all that the rest of the game depends on: its variables as JSON in bytes, and the random state."""
        rules, random = self._minatar.env, self._minatar.random.get_state()
        inner = {name: value for name, value in vars(rules).items() if name != "random"}
        told = {"inner": inner, "last_action": self._minatar.last_action, "random": random[2:], "frames": self._frames}
        text = torch.tensor(list(json.dumps(told, default=_plain).encode()), dtype=torch.uint8)
        return {"text": text, "keys": torch.from_numpy(random[1].astype(np.int64))}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restore a `state_dict`."""
        told = json.loads(bytes(state["text"].tolist()), object_hook=_restored)
        vars(self._minatar.env).update(told["inner"])
        self._minatar.last_action, self._frames = told["last_action"], told["frames"]
        keys = state["keys"].cpu().numpy().astype(np.uint32)
        self._minatar.random.set_state(("MT19937", keys, *told["random"]))


def _plain(value: object) -> object:
    """Convert NumPy's arrays and numbers for JSON."""
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be stored")


def _restored(tree: dict[str, Any]) -> Any:
    return np.array(tree["array"], dtype=tree["dtype"]) if "array" in tree else tree
