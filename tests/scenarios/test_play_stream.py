"""Games whose order nobody announces."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import gencl
from gencl.analysis.course import Course
from gencl.analysis.total import _totals
from gencl.core.errors import UsageError
from gencl.runs.build import make_scenario
from gencl.scenarios.play import Play, Playing, games_of
from gencl.scenarios.play_stream import PlayStream
from gencl.scenarios.task import Scenario, Task
from tests.conftest import GAMES, killed_at
from tests.training.runs import model_bytes, without_cost

pytest.importorskip("minatar", reason='MinAtar is not installed; pip install -e ".[games]"')

TWICE = [*GAMES, "scenario.visits=2"]
INFERRED = [*TWICE, "train.boundaries=inferred", "scenario.look=5"]
VISITS = [(0, 20), (1, 20), (0, 20), (1, 20)]


def scenario(*assignments: str) -> Scenario:
    return make_scenario(gencl.resolve("minatar-dqn", method="ewc", assignments=assignments), None)


def cut(*decisions: int) -> tuple[Task, ...]:
    """The tasks where decisions are made elsewhere, each for five updates."""
    return PlayStream(scenario(*TWICE, "scenario.look=5"), VISITS).cut([d for d in decisions for _ in range(5)])[0]


def test_games_are_told_apart_by_the_frames_of_a_random_player() -> None:
    assignments = ["train.boundaries=inferred", "train.steps=500", "scenario.look=50"]
    found = scenario(*assignments)
    assert found.boundaries is not None and found.boundaries["attributed"] > 0.95
    assert found.boundaries["true"] == 3 and found.boundaries["returns"] == {"recognised": 3, "of": 3}
    other = make_scenario(gencl.resolve("minatar-dqn", seed=1, method="sgd", assignments=assignments), None)
    assert other.boundaries == found.boundaries  # the random player is the same in all runs


def test_a_run_whose_games_are_inferred_right_is_the_run_of_the_given_ones(tmp_path: Path) -> None:
    def run(name: str, sets: list[str]) -> gencl.Run:
        return gencl.train("minatar-dqn", "ewc", 0, tmp_path / name, set=sets, progress="silent")

    given, found = run("given", TWICE), run("found", INFERRED)
    assert found.metrics["boundaries"]["attributed"] == 1
    assert found.metrics["tasks"] == ["inferred 1", "inferred 2", "inferred 1 (visit 2)", "inferred 2 (visit 2)"]
    assert found.metrics["matrices"] == given.metrics["matrices"] and model_bytes(found) == model_bytes(given)
    with killed_at(54):
        run("cut", INFERRED)
    again = gencl.train(out=tmp_path / "cut", resume=True, progress="silent")
    assert model_bytes(again) == model_bytes(found) and without_cost(again) == without_cost(found)
    assert found.play("space_invaders", tmp_path / "a.gif") == given.play("space_invaders", tmp_path / "b.gif")


def test_what_is_played_is_the_true_game_and_what_it_is_learned_as_the_inferred_one() -> None:
    late = cut(0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1)  # the first switch is seen five updates late
    assert [task.length for task in late] == [25, 15, 20, 20] and [task.again for task in late] == [None, None, 0, 1]
    assert [task.classes for task in late] == [(0,), (1,), (0,), (1,)] and [task.weight for task in late] == [1] * 4
    played = [[(game.name, n) for game, n in task.sourced.stream] for task in late if isinstance(task.sourced, Playing)]
    assert played[:2] == [[("breakout", 20), ("space_invaders", 5)], [("space_invaders", 15)]]
    source = late[0].source(8, 0)
    assert isinstance(source, Play)
    for step in range(22):
        source.batch(step)
    assert all(environment._game.name == "space_invaders" for environment in source._environments)
    resumed = late[0].source(8, 0)
    resumed.load_state_dict({name: tensor.clone() for name, tensor in source.state_dict().items()})
    for step in (22, 23, 24):
        one, other = source.batch(step).tensors(), resumed.batch(step).tensors()
        assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_each_game_is_measured_once() -> None:
    (merged,) = cut(*[0] * 16)
    assert [game.name for game in games_of(merged)] == ["breakout", "space_invaders"] and merged.weight == 2
    torn = cut(*[0] * 3, 2, *[1] * 4, *[0] * 4, *[1] * 4)
    assert [(task.name, task.weight) for task in torn[:2]] == [("inferred 1", 1), ("inferred 3", 0)]
    assert [game.name for game in games_of(torn[1])] == ["breakout"]


def test_a_look_that_may_miss_a_visit_is_refused() -> None:
    said = "scenario.look: frames are looked at every 250 updates, but a visit has 20; write --set scenario.look=2"
    with pytest.raises(UsageError, match=said):
        scenario(*TWICE, "train.boundaries=inferred")


def test_each_game_counts_once_in_the_sum_of_scores() -> None:
    course = Course("return", [5, 10], [[1.0], [1.0, 9.0, 4.0, 1.0, None]], [5, 10], {})
    assert _totals(course, cut(*[0] * 3, 2, *[1] * 4, *[0] * 4, *[1] * 4)) == {5: 1.0, 10: 5.0}
    assert _totals(course, cut(*[0] * 16)) == {5: 2.0, 10: 2.0}  # the mean of two games
