"""Paths as people write them: ``~``, no home at all, and a process that goes elsewhere."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

import gencl
from gencl.core.folders import cache_root
from gencl.uses.doctor import examine
from tests.conftest import gencl as command
from tests.conftest import tiny

SETS = [part for text in tiny("digits-mlp") for part in ("--set", text)]


def test_every_option_knows_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    ended = command("train", "--preset", "digits-mlp", "--method", "sgd", *SETS, "--out=~/runs/a")
    assert ended.returncode == 0 and (tmp_path / "runs" / "a" / "report.html").is_file(), ended.stderr
    for words in (
        ("report", "~/runs/a", "--out=~/page.html"),
        ("evaluate", "~/runs/a"),
        ("new", "method", "mine", "--out=~/mine.py"),
        ("preset", "copy", "digits-mlp", "~/mine.yaml"),
        ("preset", "validate", "~/mine.yaml"),
        ("train", "--config=~/mine.yaml", "--plugin=~/mine.py", "--method", "mine", *SETS, "--out=~/runs/b"),
        ("analyze", "~/runs/a", "drift"),
    ):
        assert command(*words).returncode == 0, words
    made = {"runs", "page.html", "mine.py", "test_mine.py", "mine.yaml"}
    assert {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")} == made
    assert gencl.train("digits-mlp", "sgd", 1, "~/runs/c", set=tiny("digits-mlp"), progress="silent").finished
    assert gencl.load_run("~/runs/c").finished and not (tmp_path / "~").exists()


def test_a_run_stays_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = gencl.train("digits-mlp", "sgd", 0, "here/run", set=tiny("digits-mlp"), progress="silent")
    other = gencl.load_run("here/run")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for one in (run, other):
        assert one.finished and one.report.is_file() and one.learner().classes and one.evaluate()["mean"]


def test_a_user_without_a_home_has_a_temporary_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in containers that are started with any user's number."""

    def nobody(uid: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    for name in ("HOME", "XDG_CACHE_HOME", "GENCL_CACHE", "GENCL_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("gencl.uses.doctor._processes", lambda: iter(()))
    monkeypatch.chdir(tmp_path)
    assert cache_root() == tmp_path / f"gencl-{os.getuid()}"
    findings = {finding.what: finding for finding in examine()}
    assert findings["cache"].verdict == "ok" and findings["data root"].verdict == "note" and "<lambda>" not in findings
    ended = command("train", "--preset", "digits-mlp", "--method", "sgd", *SETS, "--out", "~/run")
    assert ended.returncode == 0, ended.stderr
