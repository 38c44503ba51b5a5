"""A run that cannot start says so in one line, before anything else, and leaves nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gencl.api import extend, train
from gencl.core import files
from gencl.core.errors import GenclError, UsageError
from gencl.run import Run
from gencl.training.session import Session
from tests.conftest import gencl, tiny

PROC = pytest.param("/proc/nope/run", marks=pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="Linux's"))
SETS = [part for text in tiny("digits-mlp") for part in ("--set", text)]


def refuse(*_: Any) -> None:
    raise AssertionError("data are loaded before --out is looked at")


@pytest.mark.parametrize("out", [PROC, "file/run", "file", "new/" + "x" * 300])
@pytest.mark.parametrize(
    "command",
    [
        ("train", "--preset", "digits-mlp", *SETS),
        ("compare", "--preset", "digits-mlp", "--methods", "sgd", *SETS),
        ("tune", "--preset", "digits-mlp", "--methods", "ewc", *SETS),
    ],
)
def test_an_out_that_cannot_be_made_is_said_first(
    command: tuple[str, ...], out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    for module in ("training.train", "experiments.cells"):
        monkeypatch.setattr(f"gencl.{module}.make_scenario", refuse)
    done = gencl(*command, "--out", out, cwd=tmp_path)
    lines = (done.stdout + done.stderr).strip().splitlines()
    assert done.returncode == 2 and len(lines) == 1 and out in lines[0]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("command", [("sample", "digits-cgan-anpyc"), ("report", "digits-cgan-anpyc")])
@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="/proc, where nobody may write, is Linux's")
def test_a_file_that_cannot_be_written_is_said_first(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "sample", refuse)
    monkeypatch.setattr("gencl.reports.html.render", refuse)
    done = gencl(*command, "--out", "/proc/x.html" if command[0] == "report" else "/proc/x.png")
    assert done.returncode == 2 and "cannot write /proc" in done.stderr and not done.stdout


def test_a_run_that_cannot_be_written_is_not_analysed_extended_or_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a file system that is mounted read-only: permissions say nothing to root."""
    run = train("digits-mlp", "sgd", 0, tmp_path / "run", set=tiny("digits-mlp"), progress="silent")

    def read_only(**_: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(files.tempfile, "TemporaryFile", read_only)
    monkeypatch.setattr("gencl.training.train.make_scenario", refuse)
    before = sorted(path.name for path in run.path.iterdir())
    for attempt in (run.analyze, run.write_report, lambda: extend(run, "mnist", progress="silent")):
        with pytest.raises(UsageError, match=r"cannot write .*: Read-only file system"):
            attempt()
    assert train(out=run.path, resume=True, progress="silent").finished, "a finished run only says that it is"
    (run.path / "report.html").unlink()
    with pytest.raises(UsageError, match="Read-only file system"):
        train(out=run.path, resume=True, progress="silent")
    assert sorted([*(path.name for path in run.path.iterdir()), "report.html"]) == before


@pytest.mark.parametrize("there", [[], ["new"], ["new", "new/run"], ["new", "new/other"]])
def test_a_run_that_fails_before_its_first_step_leaves_nothing(
    there: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in there:
        (tmp_path / name).mkdir()

    def fail(session: Session, *_: Any) -> None:
        raise GenclError("out of luck")

    monkeypatch.setattr(Session, "begin", fail)
    with pytest.raises(GenclError, match="out of luck"):
        train("digits-mlp", "sgd", 0, tmp_path / "new" / "run", set=tiny("digits-mlp"), progress="silent")
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == there


def test_a_check_leaves_nothing(tmp_path: Path) -> None:
    files.check_folder(tmp_path / "a" / "b")
    assert not list(tmp_path.iterdir())
