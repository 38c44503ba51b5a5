"""Runs of the deep Q-network: measured, resumed, with each method, drawn."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import gencl
from gencl.core.errors import UsageError
from gencl.run import Run
from tests.conftest import GAMES, killed_at
from tests.conftest import gencl as command
from tests.training.runs import log, model_bytes, without_cost

pytest.importorskip("minatar", reason='MinAtar is not installed; pip install -e ".[games]"')


def train(out: Path, method: str = "sgd", *sets: str) -> Run:
    return gencl.train("minatar-dqn", method, 0, out, set=[*GAMES, *sets], progress="silent")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    yield train(tmp_path_factory.mktemp("games") / "run", "ewc")


def test_a_run_is_measured_by_its_return(run: Run) -> None:
    metrics = run.metrics
    assert metrics["kind"] == "play" and metrics["tasks"][:2] == ["breakout", "space_invaders"]
    returns, normalised = metrics["matrices"]["return"], metrics["matrices"]["normalised_return"]
    assert returns[0][1] is None and returns[1][0] >= 0
    assert normalised[1][0] == pytest.approx((returns[1][0] - 0.5) / 8.5)
    assert metrics["summary"]["normalised_return"] == pytest.approx(sum(normalised[-1]) / len(normalised[-1]))
    assert "return" in run.report.read_text() and not list((run.path / "samples").iterdir())
    plain = gencl.train("minatar-dqn", "sgd", 0, run.path.parent / "plain", set=[*GAMES, "scenario.scores={}"])
    assert "normalised_return" not in plain.metrics["matrices"]


def test_the_same_seed_plays_the_same(run: Run, tmp_path: Path) -> None:
    again = train(tmp_path / "again", "ewc")
    assert model_bytes(again) == model_bytes(run) and without_cost(again) == without_cost(run)


@pytest.mark.parametrize("at", [7, 27])
def test_a_run_that_is_killed_within_an_episode_goes_on(at: int, run: Run, tmp_path: Path) -> None:
    with killed_at(at):
        train(tmp_path / "cut", "ewc")
    again = gencl.train(out=tmp_path / "cut", resume=True, progress="silent")
    assert model_bytes(again) == model_bytes(run) and without_cost(again) == without_cost(run)
    assert [line["loss"] for line in log(again)] == [line["loss"] for line in log(run)]


def test_memories_of_games_are_kept_in_checkpoints_until_the_games_come_back(tmp_path: Path) -> None:
    kept = ("scenario.visits=2", "scenario.remember=game")
    whole, forgetful = train(tmp_path / "whole", "sgd", *kept), train(tmp_path / "forgetful", "sgd", kept[0])
    with killed_at(47):
        train(tmp_path / "cut", "sgd", *kept)
    again = gencl.train(out=tmp_path / "cut", resume=True, progress="silent")
    assert model_bytes(again) == model_bytes(whole) != model_bytes(forgetful)
    assert without_cost(again) == without_cost(whole)


@pytest.mark.parametrize("method", ["sgd", "sgd-f", "ewc-online", "l2", "si", "mas", "spp", "anpyc"])
def test_methods_that_serve_it(method: str, tmp_path: Path) -> None:
    assert train(tmp_path / "run", method).finished


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("joint", "method joint needs the training images of all tasks, and breakout has none"),
        ("er", "method er needs the training images of all tasks, and breakout has none"),
        ("dgr", "method dgr cannot serve DQN"),
        ("align", "method align cannot serve DQN"),
        ("hat", r"method hat cannot serve DQN.*these can: sgd, sgd-f, ewc(?!.*\b(joint|er)\b).*, spp, anpyc"),
        ("lwf", "method lwf cannot serve DQN"),
    ],
)
def test_methods_that_do_not(method: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        train(tmp_path / "run", method)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("preset", "settings", "message"),
    [
        ("digits-mlp", {"scenario": {"name": "games"}}, "MLPClassifier cannot play games, and task breakout is one"),
        ("digits-cgan", {"scenario": {"name": "games"}}, "conditional GAN takes square images"),
        ("digits-mlp", {"model": {"name": "dqn"}}, "model.name: dqn plays games, and task .* is none"),
    ],
)
def test_players_and_games_belong_together(
    preset: str, settings: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        gencl.train(preset, "sgd", out=tmp_path / "run", set=settings, progress="silent")


def test_passes_over_images_need_images(tmp_path: Path) -> None:
    games = [text for text in GAMES if not text.startswith("train.steps=")]
    for sets in (["train.epochs=2"], ["train.patience=2"]):
        with pytest.raises(UsageError, match=r"train\.\w+: task \w+ has no training images to pass over"):
            gencl.train("minatar-dqn", "sgd", out=tmp_path / "run", set=[*games, *sets], progress="silent")


def test_an_episode_as_an_animation(run: Run, tmp_path: Path) -> None:
    score = run.play("space_invaders", tmp_path / "a.gif", seed=3)
    assert score >= 0 and run.play("space_invaders", tmp_path / "b.gif", seed=3) == score
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()
    with Image.open(tmp_path / "a.gif") as animation:
        assert animation.size == (160, 160) and animation.n_frames > 1
    done = command("play", run.path, "--game", "breakout", "--out", tmp_path / "c.gif")
    assert done.returncode == 0 and done.stdout.startswith("score ")
    for wrong, said in (
        (["--game", "pong"], "--game pong: .* has learned breakout, space_invaders"),
        (["--out", str(tmp_path / "x.png")], "give a name that ends in .gif"),
    ):
        refused = command("play", run.path, *wrong)
        assert refused.returncode == 2 and re.search(said, refused.stderr), refused.stderr


def test_without_the_extra_one_line_says_what_to_install(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "minatar", None)
    said = r'scenario.name: games: the package minatar is not installed; pip install -e ".*\[games\]"'
    with pytest.raises(UsageError, match=said):
        train(tmp_path / "run")
    (run.path / "report.html").rename(tmp_path / "report.html")  # as if it were not finished
    with pytest.raises(UsageError, match=said):
        gencl.train(out=run.path, resume=True, progress="silent")
    (tmp_path / "report.html").rename(run.path / "report.html")


def test_other_uses_say_what_a_player_cannot_do(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds a DQN: there are no images to draw"):
        run.sample()
    with pytest.raises(UsageError, match="which neither draws images nor classifies"):
        run.export(torch=tmp_path / "x.pt2")
    with pytest.raises(UsageError, match="digits cannot follow tasks that have no images"):
        gencl.extend(run, "digits", progress="silent")
    assert run.evaluate()["mean"]["return"] == run.metrics["summary"]["return"]


def test_a_game_that_comes_back_goes_on_with_what_is_its_own(tmp_path: Path) -> None:
    run = train(tmp_path / "whole", "ewc", "scenario.visits=2")
    assert run.metrics["tasks"] == ["breakout", "space_invaders", "breakout (visit 2)", "space_invaders (visit 2)"]
    learner = run.learner()
    assert learner.own(0).keys() == learner.own(2).keys() != learner.own(1).keys()
    returns = run.metrics["matrices"]["return"]
    assert returns[2][0] == returns[2][2] and returns[3][1] == returns[3][3]
    with killed_at(54):
        train(tmp_path / "cut", "ewc", "scenario.visits=2")
    again = gencl.train(out=tmp_path / "cut", resume=True, progress="silent")
    assert model_bytes(again) == model_bytes(run) and without_cost(again) == without_cost(run)


def test_the_sum_of_all_scores_while_it_learns(tmp_path: Path) -> None:
    run = train(tmp_path / "run", "sgd", "scenario.visits=2", "evaluate.within=yes")
    (picture,) = run.analyze("total")
    rows = [line.split(",") for line in picture.with_suffix(".csv").read_text().splitlines()]
    assert rows[0] == ["method", "seed", "step", "normalised_return"] and len(rows) == 1 + 16
    last = run.metrics["matrices"]["normalised_return"][3]
    assert float(rows[-1][3]) == pytest.approx(last[0] + last[1])
    Image.open(picture).verify()
