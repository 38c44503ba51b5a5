"""Returns of players: how well they play each game."""

from __future__ import annotations

from statistics import fmean

from torch import nn

from gencl.learners.capabilities import PLAYER
from gencl.learners.learner import Learner
from gencl.metrics.figures import Figure
from gencl.metrics.metric import Metric
from gencl.metrics.snapshot import Snapshot
from gencl.metrics.transfer import Matrix, backward_transfer, final, just_learned
from gencl.scenarios.episodes import scores
from gencl.scenarios.game import Game
from gencl.scenarios.play import games_of
from gencl.scenarios.task import Scenario, Task


def _scores(snapshot: Snapshot, task: Task) -> list[tuple[Game, float]]:
    """Return each of a task's games with the mean score of its episodes.

    The episodes begin in the same way each time that they are played. With ``evaluate.split: validation``, for choosing
    settings, they differ from those of the test split.
    """

    def played() -> list[tuple[Game, float]]:
        conditions, player, number = snapshot.conditions, PLAYER(snapshot.learner), task.classes[0]
        seed = (conditions.seed, "return", conditions.split)
        return [(game, fmean(scores(game, player, number, game.episodes, *seed, game.name))) for game in games_of(task)]

    return snapshot.once(("score", task.classes), played)


class Return(Metric):
    """The mean sum of rewards per episode. Actions are greedy, but for a share ``game.epsilon`` of random ones."""

    name = "return"
    figures = {
        "return": Figure(
            "return", "plain", "higher", "mean score of an episode that is played without exploration", weight=4
        ),
        "return_just_learned": Figure(
            "return just learned", "plain", "higher", "the same score when each game had just been learned"
        ),
    }

    @staticmethod
    def applies(learner: Learner, extractor: nn.Module | None) -> str:
        return "" if PLAYER.of(learner) is not None else "it measures players of games"

    def measure(self, snapshot: Snapshot, task: Task) -> float:
        return fmean(score for _, score in _scores(snapshot, task))

    def summary(self, matrix: Matrix) -> dict[str, float | None]:
        return {"return": final(matrix), "return_just_learned": just_learned(matrix)}


class NormalisedReturn(Metric):
    """The return, scaled so that a random player has 0 and a learner of this game alone has 1; mean over games."""

    name = "normalised_return"
    figures = {
        "normalised_return": Figure(
            "normalised return",
            "share",
            "higher",
            "score from 0, a random player's, to 1, that of a learner of this game alone; mean of all games",
            decimals=1,
            main=True,
            weight=9,
        ),
        "normalised_return_just_learned": Figure(
            "normalised return just learned", "share", "higher", "the same when each game had just been learned"
        ),
        "normalised_return_forgetting": Figure(
            "normalised return change",
            "share",
            "higher",
            "how the score changed since each game had been learned; negative is forgetting",
            weight=6,
        ),
    }
    applies = Return.applies

    @staticmethod
    def suits(scenario: Scenario) -> str:
        games = [game for task in scenario.tasks for game in games_of(task)]
        known = games and all(game.normalised(0.0) is not None for game in games)
        return "" if known else "the scores that it is normalised by are not known (scenario.scores)"

    def measure(self, snapshot: Snapshot, task: Task) -> float | None:
        normalised = [game.normalised(score) for game, score in _scores(snapshot, task)]
        known = [score for score in normalised if score is not None]
        return fmean(known) if known else None

    def summary(self, matrix: Matrix) -> dict[str, float | None]:
        return {
            "normalised_return": final(matrix),
            "normalised_return_just_learned": just_learned(matrix),
            "normalised_return_forgetting": backward_transfer(matrix),
        }
