"""A run that learns one more task is cut off, stopped, or diverges: it is as it was, or goes on."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

import gencl
from gencl.core.errors import GenclError, Interrupted, UsageError
from gencl.run import Run
from gencl.runs.recorder import Recorder
from tests.training.extending import FEW, Finished, content, extend


class Cut(Exception):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, folders: Path, finished: Finished) -> Run:
    """A run that was extended without being cut off."""
    run = finished(tmp_path_factory.mktemp("whole") / "run", "digits-cgan", "anpyc+align", *FEW)
    return extend(run, folders / "four")


def cut_at(monkeypatch: pytest.MonkeyPatch, hook: str, time: int, after: bool) -> pytest.MonkeyPatch:
    """The process ends before or after the recorder's ``hook`` is called the ``time``-th time."""
    real, calls = getattr(Recorder, hook), 0

    def cut(recorder: Recorder, *arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == time and not after:
            raise Cut
        written = real(recorder, *arguments)
        if calls == time:
            raise Cut
        return written

    monkeypatch.setattr(Recorder, hook, cut)
    return monkeypatch


def test_cut_off_before_its_first_checkpoint_a_run_is_as_it_was(
    folders: Path, finished: Finished, whole: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finished(tmp_path / "run", "digits-cgan", "anpyc+align", *FEW)
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    with monkeypatch.context() as patch, pytest.raises(Cut):
        cut_at(patch, "log", 2, after=True)
        extend(run, folders / "four")
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before
    assert content(extend(run, folders / "four", resume=True)) == content(whole)


@pytest.mark.parametrize(
    ("hook", "time", "after"),
    [("picture", 1, True), ("write_metrics", 1, True), ("checkpoint", 1, True), ("write_model", 1, False)],
)
def test_cut_off_later_it_is_not_finished_and_goes_on(
    hook: str,
    time: int,
    after: bool,
    folders: Path,
    finished: Finished,
    whole: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = finished(tmp_path / "run", "digits-cgan", "anpyc+align", *FEW)
    with monkeypatch.context() as patch, pytest.raises(Cut):
        cut_at(patch, hook, time, after)
        extend(run, folders / "four")
    run.write_report()  # as `gencl report` does: it does not finish a run
    assert not run.finished
    assert len(run.learner().tasks) == 2 and run.sample(n=2).width  # the model is the one from before, and whole
    with pytest.raises(
        UsageError, match=r"has not finished learning .*four; go on with it first: gencl train --resume"
    ):
        extend(run, folders / "one")
    resumed = gencl.train(out=run.path, resume=True, progress="silent")
    assert content(resumed) == content(whole) and resumed.finished
    assert content(extend(run, folders / "four", resume=True)) == content(whole)  # it is finished already


def test_a_signal_stops_it_with_a_checkpoint(
    folders: Path, finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uncut = extend(finished(tmp_path / "uncut", "digits-mlp", "hat"), folders / "four", set=["train.steps=8"])
    run, real = finished(tmp_path / "run", "digits-mlp", "hat"), Recorder.log

    def log(recorder: Recorder, *arguments: Any) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return real(recorder, *arguments)

    with monkeypatch.context() as patch, pytest.raises(Interrupted, match="gencl train --resume --out"):
        patch.setattr(Recorder, "log", log)
        extend(run, folders / "four", set=["train.steps=8"])
    assert not run.finished
    result = run.evaluate()  # of what the model knows
    assert [row["task"] for row in result["tasks"]] == ["one", "two"]
    (run.path / "evaluation.json").unlink()
    assert content(extend(run, folders / "four", resume=True)) == content(uncut)


def test_what_diverges_leaves_the_run_as_it_was(folders: Path, finished: Finished, tmp_path: Path) -> None:
    run = finished(tmp_path / "run", "digits-mlp", "sgd")
    with pytest.raises(GenclError, match="became"):
        extend(run, folders / "four", set=["train.lr=1e30"])
    assert run.finished and not run.settings.extend
    assert extend(run, folders / "four").finished
