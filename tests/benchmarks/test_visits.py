"""Scores after each visit of games, beside players of one game."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import gencl
from benchmarks import visits
from tests.conftest import GAMES


def test_scores_after_each_visit_stand_beside_those_of_players_of_one_game(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("minatar", reason='MinAtar is not installed; pip install -e ".[games]"')
    monkeypatch.setattr(visits, "random_scores", lambda game: [-1.0])
    for name, more in (("both", ["scenario.visits=2"]), ("one", ["scenario.games=[breakout]"])):
        sets = [*GAMES, *more]
        gencl.compare("sgd", (0,), tmp_path / name, "minatar-dqn", set=sets, threads=1, progress="silent")
    visits.main(tmp_path / "both", [tmp_path / "one"], tmp_path / "visits")
    rows = list(csv.DictReader((tmp_path / "visits.csv").open()))
    assert [(row["visits"], row["game"]) for row in rows[:3]] == [
        ("1", "breakout"),
        ("2", "breakout"),
        ("2", "space_invaders"),
    ]
    both, one = (
        gencl.load_run(tmp_path / name / "sgd" / "seed-0").metrics["matrices"]["return"] for name in ("both", "one")
    )
    assert [float(row["score"]) for row in rows if row["game"] == "breakout"] == [row[0] for row in both]
    assert float(rows[0]["share"]) == pytest.approx((both[0][0] + 1) / (one[0][0] + 1))
    assert all(row["share"] == "" for row in rows if row["game"] == "space_invaders")
    assert "| 1 | breakout |" in (tmp_path / "visits.md").read_text()


def test_inferred_tasks_are_the_games_in_their_order() -> None:
    names = ("breakout", "freeway (visit 2)", "inferred 2 (visit 2)")
    assert [visits._game(name, ["breakout", "asterix"]) for name in names] == ["breakout", "freeway", "asterix"]
