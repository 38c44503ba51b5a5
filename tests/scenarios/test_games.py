"""Games go on after a checkpoint as if nothing had been; what is remembered of them is what was played."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import gencl
from gencl.core.errors import GenclError, UsageError
from gencl.core.randomness import RandomSource
from gencl.runs.build import make_scenario
from gencl.scenarios.episodes import scores
from gencl.scenarios.game import Environment, Game, Observation
from gencl.scenarios.play import Play
from gencl.scenarios.transitions import ReplayMemory
from tests.conftest import GAMES, grown

pytest.importorskip("minatar", reason='MinAtar is not installed; pip install -e ".[games]"')

ALL = ("asterix", "breakout", "freeway", "seaquest", "space_invaders")
Frame = tuple[Observation, float, bool]


def frames(game: Environment, n: int, seed: int) -> list[Frame]:
    """So many frames of random actions; a game that ends begins again."""
    played = []
    for action in np.random.RandomState(seed).randint(6, size=n):
        played.append(game.act(int(action)))
        if played[-1][2]:
            game.reset()
    return played


def assert_equal(one: list[Frame], other: list[Frame]) -> None:
    assert [frame[1:] for frame in one] == [frame[1:] for frame in other]
    assert all(np.array_equal(first[0], second[0]) for first, second in zip(one, other, strict=True))


@pytest.mark.parametrize("name", ALL)
def test_a_game_goes_on_from_its_state(name: str) -> None:
    game = Game(name, channels=10)
    first, second = game.begin(3), game.begin(4)
    first.reset()
    second.reset()
    frames(first, 137, seed=0)
    state = {key: value.clone() for key, value in first.state_dict().items()}
    further = frames(first, 400, seed=1)
    second.load_state_dict(state)
    assert_equal(frames(second, 400, seed=1), further)
    assert any(reward for _, reward, _ in further) or name == "freeway"


def test_equal_seeds_play_equal_games() -> None:
    one, same, other = (Game("breakout", 7).begin(seed) for seed in (0, 0, 5))
    for game in (one, same, other):
        assert game.reset().shape == (10, 10, 7)
    played = frames(one, 300, 0)
    assert_equal(played, frames(same, 300, 0))
    assert any(not np.array_equal(a[0], b[0]) for a, b in zip(played, frames(other, 300, 0), strict=True))
    assert not any(seen[..., 4:].any() for seen, _, _ in played)  # breakout has four channels


def test_the_memory_gives_what_was_played_and_forgets_the_oldest() -> None:
    memory, shape = ReplayMemory(6, 2, (3, 3, 2)), (3, 3, 2)
    random = np.random.RandomState(0)
    seen = [[random.rand(*shape) < 0.5 for _ in range(2)] for _ in range(9)]
    memory.begin(seen[0])
    for round_ in range(8):
        memory.add([round_ % 6, 5], [float(round_), -1.0], [round_ == 6, False], seen[round_ + 1])
        assert len(memory) == min(6, 2 * (round_ + 1))
    taken = memory.take(torch.arange(6))
    assert taken.rewards.tolist() == [5, -1, 6, -1, 7, -1] and taken.actions.tolist() == [5, 5, 0, 5, 1, 5]
    assert taken.ended.tolist() == [False, False, True, False, False, False]
    for place in range(6):
        round_, game = 5 + place // 2, place % 2
        assert np.array_equal(taken.seen[place].permute(1, 2, 0).numpy(), seen[round_][game])
        assert np.array_equal(taken.following[place].permute(1, 2, 0).numpy(), seen[round_ + 1][game])
    again = ReplayMemory(6, 2, shape)
    again.load_state_dict(memory.state_dict())
    assert torch.equal(again.take(torch.arange(6)).following, taken.following)


def source(step: int = 0) -> tuple[Play, gencl.Learner]:
    """A source of breakout that has given the batches of so many steps to a player."""
    learner, scenario = grown(gencl.resolve("minatar-dqn", assignments=GAMES))
    play = scenario.tasks[0].source(8, 0)
    assert isinstance(play, Play)
    play.meet(learner)
    for number in range(step):
        play.batch(number)
    return play, learner


def test_two_processes_share_a_batch_and_a_stopped_source_goes_on() -> None:
    whole, left, right = (source(5)[0] for _ in range(3))
    batch, shares = whole.batch(5), (left.batch(5, 0, 2), right.batch(5, 1, 2))
    for name, tensor in batch.tensors().items():
        assert torch.equal(tensor, torch.cat([share.tensors()[name] for share in shares])), name
    resumed, _ = source()
    resumed.load_state_dict({name: tensor.clone() for name, tensor in whole.state_dict().items()})
    for step in (6, 7, 8):
        following, again = whole.batch(step).tensors(), resumed.batch(step).tensors()
        assert all(torch.equal(tensor, again[name]) for name, tensor in following.items())


def test_importance_is_measured_on_what_is_remembered_or_played_anew() -> None:
    play, learner = source(3)
    task = make_scenario(gencl.resolve("minatar-dqn", assignments=GAMES), None).tasks[0]
    recalled = learner.probe(task, 40, RandomSource(0)).rows(slice(None))
    assert recalled.inputs.shape == (40, 6, 10, 10) and set(recalled.inputs.unique().tolist()) == {0.0, 1.0}
    remembered = {seen.numpy().tobytes() for seen in play._memory.take(torch.arange(len(play._memory))).seen.float()}
    assert all(seen.numpy().tobytes() in remembered for seen in recalled.inputs)
    fresh, _ = grown(gencl.resolve("minatar-dqn", assignments=GAMES))
    anew = fresh.probe(task, 60, RandomSource(0)).rows(slice(None)).inputs
    assert len(anew) == 60 and len({seen.numpy().tobytes() for seen in anew}) > 15
    assert len(fresh.probe(task, 1000, RandomSource(0))) == 1000  # more than a memory holds


def test_a_memory_that_its_games_do_not_divide_is_filled() -> None:
    uneven = ["scenario.frames=4", "scenario.memory=90", "scenario.start=90"]
    learner, scenario = grown(gencl.resolve("minatar-dqn", assignments=[*GAMES, *uneven]))
    play = scenario.tasks[0].source(8, 0)
    play.meet(learner)
    assert len(play.batch(0)) == 8


def test_a_visit_goes_on_with_the_memory_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    learner, scenario = grown(gencl.resolve("minatar-dqn", assignments=[*GAMES, "scenario.remember=game"]))
    first, again, resumed = (scenario.tasks[0].source(8, 0) for _ in range(3))
    for play in (first, again, resumed):
        assert isinstance(play, Play)
        play.meet(learner)
    first.batch(0)
    left = {name: tensor.clone() for name, tensor in first.left().items()}
    again.go_on(left)
    before = int(left["rounds"])
    assert before == 21 and again._memory.rounds == before  # twenty rounds of three frames, and that of the batch
    asked: list[int] = []

    def exploration(frame: int) -> float:
        asked.append(frame)
        return 1.0

    monkeypatch.setattr(learner, "exploration", exploration)
    again.batch(0)
    assert again._memory.rounds == before + 1 and asked == [0]  # it explores as at any beginning, and waits for nothing
    resumed.load_state_dict({name: tensor.clone() for name, tensor in again.state_dict().items()})
    resumed.batch(1)
    assert asked == [0, 3] and resumed._memory.rounds == before + 2
    forgetful, _ = source(1)
    assert forgetful.left() == {}


def test_a_random_player_scores_as_is_stated() -> None:
    """MinAtar's authors: about half a point in breakout, two to three in space invaders."""
    for name, low, high in (("breakout", 0.3, 0.8), ("space_invaders", 2.0, 3.5)):
        found = scores(Game(name, 7), None, 0, 100, 0)
        assert low < sum(found) / 100 < high
        assert found == scores(Game(name, 7), None, 0, 100, 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scenario.games": ["pong"]}, r"scenario.games: MinAtar has no game 'pong'; there are: asterix, breakout, "),
        ({"scenario.games": ["breakout", "breakout"]}, "scenario.games: breakout is named twice"),
        ({"scenario.scores": {"breakout": {"random": 1, "single": 1}}}, "random and single are equal"),
        ({"scenario.scores": {"pong": {"random": 0, "single": 1}}}, "scenario.scores: MinAtar has no game 'pong'"),
        ({"scenario.frames": 0}, "scenario.frames: must be greater than or equal to 1"),
        ({"scenario.longest": 0}, "scenario.longest: must be greater than or equal to 1"),
        ({"scenario.games": []}, "scenario.games: has too few values"),
    ],
)
def test_wrong_settings(settings: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        gencl.train("minatar-dqn", "sgd", out=tmp_path / "run", set=settings, progress="silent")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("breaks", "message"),
    [
        (lambda: 1 / 0, r"game breakout broke at frame \d+: ZeroDivisionError: division by zero"),
        (lambda: (float("nan"), False), r"game breakout: frame \d+ gave the reward nan, no finite number"),
        (lambda: ("much", False), r"game breakout broke at frame \d+: ValueError"),
        (lambda: None, r"game breakout broke at frame \d+: TypeError"),
    ],
)
def test_a_game_that_breaks(breaks: object, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import minatar

    monkeypatch.setattr(minatar.Environment, "act", lambda *_: breaks())  # type: ignore[operator]
    with pytest.raises(GenclError, match=message):
        gencl.train("minatar-dqn", "sgd", out=tmp_path / "run", set=GAMES, progress="silent")
    assert not (tmp_path / "run").exists()


def test_a_game_of_another_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    import minatar

    game = Game("breakout", 4).begin(0)
    monkeypatch.setattr(minatar.Environment, "state", lambda _: np.zeros((10, 10, 4)))
    with pytest.raises(GenclError, match=r"frame 0 showed float64 \(10, 10, 4\) and not bool \(10, 10, 4\)"):
        game.reset()
    monkeypatch.setattr(minatar.Environment, "state", lambda _: np.zeros((9, 10, 4), dtype=bool))
    with pytest.raises(GenclError, match=r"frame 0 showed bool \(9, 10, 4\)"):
        game.reset()


def test_a_game_that_comes_back_stays_the_same_in_a_chosen_order() -> None:
    inner = [text.replace("scenario.", "scenario.of.", 1) for text in GAMES if text.startswith("scenario.")]
    order = ["scenario.of.visits=2", "scenario.visits=[0,3,2,1]"]
    settings = gencl.resolve("minatar-dqn", assignments=["scenario={name: repeat, of: {name: games}}", *inner, *order])
    tasks = make_scenario(settings, None).tasks
    assert [task.again for task in tasks] == [None, None, 0, 1]
    assert [task.name for task in tasks][2:] == ["breakout (visit 2)", "space_invaders (visit 2)"]
