"""Whole episodes of a game, played for a score or to be watched."""

from __future__ import annotations

from collections.abc import Callable

import torch

from gencl.core.randomness import generator
from gencl.scenarios.game import ACTIONS, Game, Observation, planes
from gencl.scenarios.player import Player


def scores(
    game: Game,
    player: Player | None,
    number: int,
    episodes: int,
    *seed: object,
    watch: Callable[[Observation], None] = lambda _: None,
) -> list[float]:
    """Play ``episodes`` episodes side by side and return the sum of rewards of each.

    An episode ends with the game, or after ``game.longest`` frames. A share ``game.epsilon`` of the actions is random.

    Args:
        player: the player; None: one that acts at random.
        number: the game's class number.
        seed: decides the games and the random actions.
        watch: called with each frame of the first episode.
    """
    environments = [game.begin(*seed, "episode", episode) for episode in range(episodes)]
    seen = {episode: environment.reset() for episode, environment in enumerate(environments)}
    random, epsilon = generator(*seed, "actions"), 1.0 if player is None else game.epsilon
    totals, frame = [0.0] * episodes, 0
    while seen and frame < game.longest:
        if 0 in seen:
            watch(seen[0])
        for episode, action in zip(list(seen), _actions(player, number, seen, epsilon, random), strict=True):
            seen[episode], reward, ended = environments[episode].act(action)
            totals[episode] += reward
            if ended:
                del seen[episode]
        frame += 1
    return totals


def _actions(
    player: Player | None, number: int, seen: dict[int, Observation], epsilon: float, random: torch.Generator
) -> list[int]:
    """Return an action for each episode that is still running."""
    drawn = torch.randint(len(ACTIONS), (len(seen),), generator=random)
    if player is None or epsilon >= 1:
        chosen = drawn
    else:
        best = player.act(planes(list(seen.values())), number)
        chosen = torch.where(torch.rand(len(seen), generator=random) < epsilon, drawn, best) if epsilon else best
    return [int(action) for action in chosen]
