"""Games played one after another, and again (Kirkpatrick et al. 2017: Atari); here those of MinAtar."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Literal

import torch
from pydantic import Field, field_validator, model_validator

from gencl.core.errors import UsageError
from gencl.core.part import Part, YesOrNo, yes_or_no
from gencl.core.settings import DataSettings
from gencl.datasets.dataset import Split
from gencl.scenarios.game import Game, games
from gencl.scenarios.play import Playing
from gencl.scenarios.recipe import Load, Recipe
from gencl.scenarios.repeat import visited
from gencl.scenarios.task import Scenario, Task


class Scores(Part):
    """Scores of two players, which normalised returns map to 0 and 1."""

    random: float = Field(description="score of a player that acts at random")
    single: float = Field(description="score of a learner that learned this game alone")

    @model_validator(mode="after")
    def _apart(self) -> Scores:
        if self.random == self.single:
            raise ValueError("random and single are equal, so that no score can be placed between them")
        return self


class GamesSettings(Part):
    """``scenario.*`` of games."""

    name: Literal["games"] = "games"
    games: list[Annotated[str, Field(min_length=1)]] = Field(
        ["breakout", "freeway", "space_invaders"],
        min_length=1,
        description="games in the order in which they are played",
    )
    visits: int = Field(2, ge=1, le=1000, description="how many times the list of games is played")
    sticky: float = Field(0.1, ge=0, lt=1, description="probability that the previous action is repeated")
    ramping: YesOrNo = Field("yes", description="whether games become more difficult while they are played")
    frames: int = Field(
        4, ge=1, le=1024, description="frames per update, one from each of as many parallel copies of the game"
    )
    memory: int = Field(100_000, ge=1, le=10**7, description="size of the replay memory, in frames")
    remember: Literal["visit", "game"] = Field(
        "visit",
        description="content of the replay memory. visit: the current visit; game: all visits of a game "
        "(Kirkpatrick et al. 2017)",
    )
    start: int = Field(5_000, ge=1, le=10**7, description="frames played before the first update of a visit")
    episodes: int = Field(30, ge=1, le=10_000, description="episodes per score")
    longest: int = Field(5_000, ge=1, le=10**7, description="maximum length of such an episode, in frames")
    epsilon: float = Field(0.0, ge=0, le=1, description="share of random actions in such an episode")
    look: int = Field(
        250,
        ge=1,
        le=10**9,
        description="for inferred boundaries: updates from one check of the frames to the next",
    )
    scores: dict[str, Scores] = Field(
        {}, description="for each game, the scores (random, single) that the normalised return maps to 0 and 1"
    )
    _ramping = field_validator("ramping", mode="before")(yes_or_no)


class Games(Recipe):
    """Each of ``games`` in turn, ``visits`` times. A game is a class, and each visit is a task.

    A visit begins with an empty replay memory, or with that of the game's previous visit (``remember``). Settings in
    ``data.*`` are not read.

    The default rules are those of MinAtar 1.0: actions stick with probability 0.1, and games become harder. An episode
    ends with the game. All games have MinAtar's six actions. All observations have as many channels as the game with
    the most; in other games, the last channels are empty.
    """

    Settings = GamesSettings
    settings: GamesSettings

    def build(self, data: DataSettings, load: Load) -> Scenario:
        settings = self.settings
        there = games("scenario.name: games")
        for where, names in (("games", settings.games), ("scores", settings.scores)):
            unknown = next((name for name in names if name not in there), None)
            if unknown is not None:
                raise UsageError(f"scenario.{where}: MinAtar has no game {unknown!r}; there are: {', '.join(there)}")
        twice = next((name for name in settings.games if settings.games.count(name) > 1), None)
        if twice is not None:
            raise UsageError(f"scenario.games: {twice} is named twice")
        channels = max(_channels(name) for name in settings.games)
        none = Split(torch.zeros(0, channels, 10, 10, dtype=torch.uint8), torch.zeros(0, dtype=torch.long))
        tasks = [
            Task(k, name, (k,), none, none, none, sourced=self._playing(self._game(name, channels)))
            for k, name in enumerate(settings.games)
        ]
        return Scenario("games", tuple(visited(tasks * settings.visits)), tuple(settings.games), reader=None)

    def _playing(self, game: Game) -> Playing:
        settings = self.settings
        kept = settings.remember == "game"
        return Playing((game,), settings.frames, settings.memory, settings.start, look=settings.look, kept=kept)

    def _game(self, name: str, channels: int) -> Game:
        settings = self.settings
        between = settings.scores.get(name)
        return Game(
            name,
            channels,
            settings.sticky,
            settings.ramping == "yes",
            settings.episodes,
            settings.longest,
            settings.epsilon,
            None if between is None else between.random,
            None if between is None else between.single,
        )


def _channels(game: str) -> int:
    """Return the number of channels of a game's observations."""
    channels: int = import_module(f"minatar.environments.{game}").Env().state_shape()[2]
    return channels
