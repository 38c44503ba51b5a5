"""How well games are played."""

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
from gencl.scenarios.task import Scenario, Task


def _score(snapshot: Snapshot, task: Task) -> float:
    """The mean score of a task's episodes, which begin in the same way at every time; for choosing settings
    (``evaluate.split: validation``) they are others."""

    def played() -> float:
        assert task.game is not None
        game, conditions = task.game, snapshot.conditions
        seed = (conditions.seed, "return", conditions.split, game.name)
        return fmean(scores(game, PLAYER(snapshot.learner), task.classes[0], game.episodes, *seed))

    return snapshot.once(("score", task.classes), played)


class Return(Metric):
    """The mean sum of rewards of an episode, played without exploration."""

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
        return _score(snapshot, task)

    def summary(self, matrix: Matrix) -> dict[str, float | None]:
        return {"return": final(matrix), "return_just_learned": just_learned(matrix)}


class NormalisedReturn(Metric):
    """The return on a scale on which a random player has 0 and a learner of this game alone has 1."""

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
        known = all(task.game and task.game.normalised(0.0) is not None for task in scenario.tasks)
        return "" if known else "the scores that it is normalised by are not known (scenario.scores)"

    def measure(self, snapshot: Snapshot, task: Task) -> float | None:
        assert task.game is not None
        return task.game.normalised(_score(snapshot, task))

    def summary(self, matrix: Matrix) -> dict[str, float | None]:
        return {
            "normalised_return": final(matrix),
            "normalised_return_just_learned": just_learned(matrix),
            "normalised_return_forgetting": backward_transfer(matrix),
        }
