"""After its first steps a run says how long it takes and how much memory; nothing of it is in the run."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from gencl.api import extend, train
from gencl.training import forecast
from gencl.training.train import train as train_folder
from tests import forked
from tests.conftest import gencl, killed_at, tiny
from tests.scenarios.test_domains import folder

SETS = [part for text in tiny("digits-mlp") for part in ("--set", text)]
LINE = re.compile(r"about \d+ seconds? for (.+) steps(.*), besides measuring; .+ [GM]iB of memory")


def said(errors: str) -> list[tuple[str, str]]:
    """The numbers of steps that lines on standard error tell of, and what is said of them."""
    return [match.groups() for match in LINE.finditer(" ".join(errors.split()))]  # type: ignore[misc]


def test_a_line_says_it_once(tmp_path: Path) -> None:
    done = gencl("train", "--preset", "digits-mlp", *SETS, "--out", tmp_path / "run")
    assert done.returncode == 0 and said(done.stderr) == [("18", "")] and not said(done.stdout)


def test_json_has_a_key_and_the_run_has_not(tmp_path: Path) -> None:
    done = gencl("train", "--preset", "digits-mlp", *SETS, "--out", tmp_path / "run", "--json")
    printed, stored = json.loads(done.stdout), json.loads((tmp_path / "run" / "metrics.json").read_text())
    estimate = printed.pop("estimate")
    assert printed == stored and not done.stderr
    assert estimate["steps"] == 18 and estimate["seconds"] >= 0
    assert estimate["memory_bytes"] >= 2**20
    again = gencl("train", "--resume", "--out", tmp_path / "run", "--json")
    assert json.loads(again.stdout) == stored, "a finished run takes no time"


def test_another_pace_after_the_first_task_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast, "CLEARLY", 1.0)
    monkeypatch.setattr(forecast, "WORTH_SECONDS", 0.0)
    train("digits-mlp", "ewc", 0, tmp_path / "run", set=tiny("digits-mlp"), progress="lines")
    errors = " ".join(capsys.readouterr().err.split())
    assert re.findall(r"for (\d+) steps( that are left)?, besides", errors) == [("18", ""), ("6", " that are left")]
    assert len(re.findall(r"a step takes (?:longer|less time) than in the first task", errors)) == 1
    assert len(re.findall(r"measuring takes about \d+ seconds? more; less with fewer evaluate.samples", errors)) == 1


def test_a_resumed_run_speaks_of_what_is_left(tmp_path: Path) -> None:
    sets = [*tiny("digits-mlp"), "train.checkpoint_every=2"]
    with killed_at(8):
        train("digits-mlp", "ewc", 0, tmp_path / "run", set=sets, progress="silent")
    done = gencl("train", "--resume", "--out", tmp_path / "run")
    assert said(done.stderr) == [("10", " that are left")]
    longer = train_folder(out=tmp_path / "run", resume=True, progress="silent")
    assert longer.estimate is None


def test_a_run_that_is_extended_speaks_of_the_new_task(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = train("digits-mlp", "sgd", 0, tmp_path / "run", set=tiny("digits-mlp"), progress="silent")
    assert run.estimate is not None and run.estimate["steps"] == 18
    longer = extend(run, folder(tmp_path / "letters", "ab"), set=["train.steps=4"], progress="lines")
    assert longer.estimate is not None and longer.estimate["steps"] == 4
    assert said(capsys.readouterr().err) == [("4", " that are left")]


def test_tasks_of_one_step_tell_nothing(tmp_path: Path) -> None:
    done = gencl(
        "train", "--preset", "digits-mlp", *SETS, "--set", "train.steps=1", "--out", tmp_path / "run", "--json"
    )
    assert done.returncode == 0 and "estimate" not in json.loads(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
def test_of_two_processes_one_says_it(tmp_path: Path) -> None:
    ranks = forked.ranks("train", "--preset", "digits-mlp", *SETS, "--out", tmp_path / "run")
    assert forked.ended(ranks) == [0, 0]
    assert said("".join(rank.errors for rank in ranks)) == [("18", "")]
