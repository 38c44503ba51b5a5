"""Folders of runs: numbered where several start at once, and gone where a start fails."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import gencl
from gencl.core.errors import GenclError, UsageError
from gencl.runs.recorder import Recorder
from gencl.training.folders import claimed
from tests.conftest import tiny


def test_runs_that_start_at_one_moment_are_numbered(tmp_path: Path) -> None:
    def claim(_: int) -> str:
        with claimed(tmp_path / "runs" / "a") as folder:
            return folder.name

    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(claim, range(8)))
    assert sorted(names) == ["a", *(f"a-{number}" for number in range(2, 9))]


def test_runs_one_after_another_are_numbered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runs = [gencl.train("digits-mlp", "sgd", set=tiny("digits-mlp"), progress="silent") for _ in range(3)]
    assert [run.path.name for run in runs] == ["digits-mlp-sgd-seed0" + end for end in ("", "-2", "-3")]


def test_a_start_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="there is no folder"):
        gencl.train("digits-mlp", set=["data.name=./nowhere"], progress="silent")
    assert not list(tmp_path.iterdir())

    def fails(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Recorder, "begin", fails)
    for out in (None, "mine", "deep/er"):
        with pytest.raises(KeyboardInterrupt):
            gencl.train("digits-mlp", set=tiny("digits-mlp"), out=out, progress="silent")
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("start", [gencl.train, gencl.compare])
def test_a_link_to_nothing_is_told(start: object, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(GenclError, match="link is a link to nothing"):
        if start is gencl.train:
            gencl.train("digits-mlp", "sgd", out=tmp_path / "link", progress="silent")
        else:
            gencl.compare("sgd", out=tmp_path / "link", preset="digits-mlp", progress="silent")


def test_resuming_with_a_setting_names_that_one_alone(tmp_path: Path) -> None:
    gencl.train("digits-mlp", "sgd", 3, tmp_path, set=tiny("digits-mlp"), progress="silent")
    (tmp_path / "report.html").unlink()
    with pytest.raises(UsageError, match=r"other settings: train.steps is 6 there, 9 here$"):
        gencl.train(out=tmp_path, resume=True, set=["train.steps=9"], progress="silent")
    with pytest.raises(UsageError, match=r"other settings: seed is 3 there, 4 here$"):
        gencl.train(out=tmp_path, resume=True, seed=4, progress="silent")
    assert gencl.train(out=tmp_path, resume=True, set={"train.steps": 6}, progress="silent").finished
