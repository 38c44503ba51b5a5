"""Scores of players that act at random, for ``scenario.scores`` of games: ``python -m benchmarks.random_players``."""

from __future__ import annotations

from statistics import fmean, stdev

from gencl.scenarios.episodes import scores
from gencl.scenarios.game import Game, games

EPISODES = 100


def random_scores(name: str) -> list[float]:
    """The scores of a random player in each of `EPISODES` episodes of this game."""
    return scores(Game(name, channels=10, longest=10**7), None, 0, EPISODES, 0, name)


def main() -> None:
    """Prints the mean score of each game and its standard error."""
    for name in games("benchmarks.random_players"):
        found = random_scores(name)
        print(f"{name}: {fmean(found):.2f} (standard error {stdev(found) / EPISODES**0.5:.2f}, {EPISODES} episodes)")


if __name__ == "__main__":
    main()
