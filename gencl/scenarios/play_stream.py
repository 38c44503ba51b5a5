"""Games played one after another as one stream; the process that infers tasks sees the frames of a random player."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

import torch
from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.randomness import generator
from gencl.scenarios.attribution import counted
from gencl.scenarios.game import ACTIONS, Game, planes
from gencl.scenarios.play import Playing
from gencl.scenarios.spans import measured_on, runs
from gencl.scenarios.task import Scenario, Task

SIDE, ROUNDS, APART = 8, 4, 6
"""Each look is at 8 games side by side, at 4 moments that are 6 frames apart. Neighbouring frames are alike: 32 of them
in a row would look like a task of their own."""
WARM = 100
"""Frames of each game played before the first look of a visit, so that the games are not all at their beginning."""


class PlayStream:
    """The visits of games as one stream of updates.

    The frames that a learner sees depend on how it plays, so nothing can be inferred from them before training. The
    process sees the frames of another player instead. This player visits the same games for as many updates, acts
    uniformly at random, and is the same in all runs. The process looks every ``scenario.look`` updates; in between,
    nothing is played. It sees one value per channel of a frame: the square root of the share of occupied cells.

    Raises UsageError if a visit is shorter than ``scenario.look``.
    """

    remedy = "another train.hazard"

    def __init__(self, scenario: Scenario, visits: Sequence[tuple[int, int]]) -> None:
        self._tasks, self._visits = scenario.tasks, visits
        self._playing: list[Playing] = [task.sourced for task in scenario.tasks if isinstance(task.sourced, Playing)]
        self.every = self._playing[0].look
        shortest = min(steps for _, steps in visits)
        if self.every > shortest:
            raise UsageError(
                f"scenario.look: frames are looked at every {self.every} updates, but a visit has {shortest}; write "
                f"--set scenario.look={max(1, shortest // 10)}"
            )

    def key(self) -> object:
        games = [(self._game(visit).fingerprint(), steps) for visit, (_, steps) in enumerate(self._visits)]
        return games, self.every, SIDE, ROUNDS, APART, WARM

    def looks(self) -> Iterator[Tensor]:
        ends, at = list(accumulate(steps for _, steps in self._visits)), -1
        for update in range(0, ends[-1], self.every):
            if (visit := bisect_right(ends, update)) != at:
                at, seen = visit, _seen(self._game(visit), visit)
            yield next(seen)

    def cut(self, decisions: Sequence[int]) -> tuple[tuple[Task, ...], tuple[str, ...]]:
        truth = [task for task, steps in self._visits for _ in range(steps)]
        counts, tasks = counted(truth, decisions), list[Task]()
        first, often = dict[int, int](), Counter[int]()
        for index, (model, spans) in enumerate(runs(self._visits, decisions)):
            often[model] += 1
            mine = measured_on(counts, model)
            task = replace(
                self._tasks[0],
                index=index,
                name=f"inferred {model + 1}" + (f" (visit {often[model]})" if often[model] > 1 else ""),
                classes=(model,),
                sourced=replace(
                    self._playing[0],
                    games=tuple(self._game(true) for true in mine or [int(counts[:, model].argmax())]),
                    stream=tuple((self._game(span.task), span.steps) for span in spans),
                ),
                again=first.get(model),
                length=sum(span.steps for span in spans),
                weight=len(mine),
            )
            first.setdefault(model, index)
            tasks.append(task)
        return tuple(tasks), tuple(f"inferred {model + 1}" for model in range(1 + max(decisions)))

    def _game(self, visit: int) -> Game:
        return self._playing[visit].games[0]


def _seen(game: Game, visit: int) -> Iterator[Tensor]:
    """Yield each look at a random player: float64 (`SIDE` * `ROUNDS`, channels)."""
    environments = [game.begin("stream", visit, number) for number in range(SIDE)]
    seen, random = [environment.reset() for environment in environments], generator("stream", visit)

    def play(frames: int) -> None:
        for actions in torch.randint(len(ACTIONS), (frames, SIDE), generator=random).tolist():
            for number, environment in enumerate(environments):
                seen[number], _, over = environment.act(actions[number])
                if over:
                    seen[number] = environment.reset()

    play(WARM)
    while True:
        frames = []
        for _ in range(ROUNDS):
            frames += seen
            play(APART)
        yield planes(frames).double().mean((2, 3)).sqrt()
