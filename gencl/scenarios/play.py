"""Batches from playing games: the learner acts, and learns from a replay memory of its frames."""

from __future__ import annotations

import hashlib
import math
import sys
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gencl.core.prefixes import under, within
from gencl.core.randomness import RandomSource, generator
from gencl.scenarios.batch import Batch
from gencl.scenarios.game import ACTIONS, Game, planes
from gencl.scenarios.player import Player
from gencl.scenarios.source import Source
from gencl.scenarios.transitions import ReplayMemory

if TYPE_CHECKING:
    from gencl.learners.learner import Learner
    from gencl.scenarios.task import Task

END = sys.maxsize
"""A frame number so late that exploration has reached its minimum."""


@dataclass(frozen=True)
class Playing:
    """The games of a task, and how they are played. Calling it makes the task's source.

    Args:
        games: the games whose mean is the task's score; more than one only if tasks were inferred.
        side: copies of the game that are played side by side, one frame each per batch.
        memory: size of the replay memory, in frames.
        start: frames played before the first batch.
        stream: the games played one after another, and the number of batches of each; empty: the first of ``games``,
            for all batches.
        look: batches from one look of `gencl.scenarios.play_stream` to the next.
        kept: whether the task's next visit continues with the replay memory of this one.
    """

    games: tuple[Game, ...]
    side: int = 4
    memory: int = 100_000
    start: int = 5_000
    stream: tuple[tuple[Game, int], ...] = ()
    look: int = 250
    kept: bool = False

    def __call__(self, task: Task, batch_size: int, seed: int) -> Play:
        return Play(task, batch_size, seed, self)


def games_of(task: Task) -> tuple[Game, ...]:
    """Return the games whose mean is the task's score; empty if the task is not played."""
    return task.sourced.games if isinstance(task.sourced, Playing) else ()


class Play(Source):
    """Play one frame of each of several games side by side per batch, and draw the batch from a replay memory.

    The player acts epsilon-greedily, with the epsilon that it asks for. Before `meet`, all actions are random. Games
    that end begin again. If the task consists of several games, the next one begins unannounced; player and memory
    continue. The first batch is drawn after ``start`` frames. All draws depend on the seed, the task, and the frame or
    step. Every process plays the same games and takes its rows of the batch.

    ``extra`` of a batch holds ``actions`` int64, ``rewards`` float32, ``following`` float32 (n, c, h, w), which are the
    next observations, and ``ended`` bool.
    """

    def __init__(self, task: Task, batch_size: int, seed: int, playing: Playing) -> None:
        self._task, self._n, self._seed, self._side = task, batch_size, seed, playing.side
        self._stream = playing.stream or ((playing.games[0], 1),)
        self._player: Player | None = None
        self._memory = ReplayMemory(playing.memory, self._side, playing.games[0].shape)
        self._start, self._kept = max(1, min(playing.start, self._memory.capacity)), playing.kept
        self._follow(0)
        self._begin(0)

    def meet(self, learner: Learner) -> None:
        self._player = learner.player()
        if self._player is not None:
            self._player.remembers(self._task.index, self.recall)

    def batch(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        while len(self._memory) < self._start:
            self._frame()
        self._frame()
        random = generator(self._seed, "replay", self._task.index, step)
        places = torch.randint(len(self._memory), (self._n,), generator=random)
        share = self._n // world
        taken, device = self._memory.take(places[rank * share : (rank + 1) * share]), self._task.train.labels.device
        extra = {
            "actions": taken.actions,
            "rewards": taken.rewards,
            "following": taken.following.float(),
            "ended": taken.ended,
        }
        return Batch(
            taken.seen.float().to(device),
            torch.full((share,), self._task.classes[0], device=device),
            (self._task.index,),
            extra={name: tensor.to(device) for name, tensor in extra.items()},
        )

    def recall(self, n: int, random: RandomSource) -> Batch:
        """Return n random frames of the memory: images of 0 and 255, and ``actions``.

        If nothing was played yet, at least n frames are played first, with the least exploration.
        """
        if not self._memory.rounds:
            for _ in range(math.ceil(n / self._side)):
                self._frame(END)
        places = (random.uniform(n).cpu() * len(self._memory)).long()
        taken, device = self._memory.take(places), self._task.train.labels.device
        return Batch(
            (255 * taken.seen.to(torch.uint8)).to(device),
            torch.full((n,), self._task.classes[0], device=device),
            (self._task.index,),
            extra={"actions": taken.actions.to(device)},
        )

    def go_on(self, left: dict[str, Tensor]) -> None:
        self._memory.load_state_dict(left)
        self._follow(self._memory.rounds)
        self._memory.begin(self._seen)

    def left(self) -> dict[str, Tensor]:
        return self._memory.state_dict() if self._kept else {}

    def _follow(self, rounds: int) -> None:
        """Continue after ``rounds`` rounds of earlier visits, which the memory holds.

        A round is one frame of each game.
        """
        self._earlier, held = rounds, min(rounds * self._side, self._memory.capacity)
        first = rounds + math.ceil(max(0, self._start - held) / self._side)
        self._switches = list(accumulate((batches for _, batches in self._stream[:-1]), initial=first))[1:]
        """The rounds at which the next game begins."""

    def _begin(self, place: int) -> None:
        """Begin the game at this place of the stream.

        The frame that would have followed the previous game's last one is lost. The memory has the new game's first
        observation in its place.
        """
        game, more = self._stream[place][0], (place,) if place else ()
        self._place = place
        self._environments = [
            game.begin(self._seed, "game", self._task.index, number, *more) for number in range(self._side)
        ]
        self._seen = [environment.reset() for environment in self._environments]
        self._memory.begin(self._seen)

    def _frame(self, at: int | None = None) -> None:
        """Play one frame of each game. ``at``, if given, replaces the visit's frame number in the choice of epsilon."""
        games, rounds = self._side, self._memory.rounds
        if (place := bisect_right(self._switches, rounds)) != self._place:
            self._begin(place)
        drawn = torch.rand(2, games, generator=generator(self._seed, "play", self._task.index, rounds)).tolist()
        epsilon = (
            1.0
            if self._player is None
            else self._player.exploration((rounds - self._earlier) * games if at is None else at)
        )
        actions = [int(chance * len(ACTIONS)) for chance in drawn[1]]
        greedy = [number for number in range(games) if drawn[0][number] >= epsilon]
        if greedy and self._player is not None:
            seen = planes([self._seen[number] for number in greedy])
            for number, action in zip(greedy, self._player.act(seen, self._task.classes[0]).tolist(), strict=True):
                actions[number] = action
        played = [environment.act(action) for environment, action in zip(self._environments, actions, strict=True)]
        ended = [over for _, _, over in played]
        self._seen = [
            environment.reset() if over else seen
            for environment, (seen, _, over) in zip(self._environments, played, strict=True)
        ]
        self._memory.add(actions, [reward for _, reward, _ in played], ended, self._seen)

    def fingerprint(self) -> str:
        played = [(game.fingerprint(), batches) for game, batches in self._stream]
        return hashlib.sha256(repr(played).encode()).hexdigest()

    def state_dict(self) -> dict[str, Tensor]:
        parts = {"memory": self._memory.state_dict(), "visit": {"earlier": torch.tensor(self._earlier)}}
        parts |= {str(number): game.state_dict() for number, game in enumerate(self._environments)}
        return {name: tensor for part, tensors in parts.items() for name, tensor in under(part, tensors).items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self._follow(int(state["visit.earlier"]))
        self._begin(bisect_right(self._switches, int(state["memory.rounds"]) - 1))
        self._memory.load_state_dict(within("memory", state))
        for number, environment in enumerate(self._environments):
            environment.load_state_dict(within(str(number), state))
        self._seen = [environment.seen() for environment in self._environments]
