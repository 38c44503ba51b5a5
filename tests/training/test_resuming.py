"""Runs that are killed, stopped or cut off go on, and end as those that were not; others are refused."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
import torch

import gencl
from gencl.core.errors import GenclError, UsageError
from gencl.core.settings import Settings
from gencl.datasets.dataset import Split
from gencl.experiments.fork_server import ForkServer
from gencl.run import Run
from gencl.runs import checkpoint
from gencl.runs.recorder import Recorder
from tests import forked
from tests.conftest import killed_at, tiny
from tests.training.runs import log, model_bytes, train, without_cost


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of anpyc on images; not to be changed."""
    return train(tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture(scope="module")
def classified(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of ewc on classes; not to be changed."""
    return train(tmp_path_factory.mktemp("classified") / "run", "digits-mlp", "ewc")


def unfinished(run: Run, out: Path) -> Run:
    """A copy that was cut off when all but the end was written."""
    shutil.copytree(run.path, out)
    _unfinish(Run(out))
    return Run(out)


def _unfinish(run: Run) -> None:
    for name in ("report.html", "model.json", "model.safetensors"):
        (run.path / name).unlink()


def test_killed_in_the_middle_of_task_2_and_resumed(tmp_path: Path, forks: ForkServer) -> None:
    """kill -9 while it runs; the resumed run ends with the same bytes as one that was never stopped."""
    longer = ["train.steps=60", "train.checkpoint_every=7"]
    whole = train(tmp_path / "whole", set=longer)
    out = tmp_path / "killed"
    sets = [part for text in [*tiny("digits-cgan"), *longer] for part in ("--set", text)]
    process = forks.start(["train", "--preset", "digits-cgan", "--threads", "1", "--out", str(out), *sets])
    deadline = time.time() + 120
    while not _in_task_2(out) and time.time() < deadline and not Run(out).finished:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait()[0] == -signal.SIGKILL, "it ended before it could be killed"
    assert not Run(out).finished
    resumed = gencl.train(out=out, resume=True, progress="silent")
    assert model_bytes(resumed) == model_bytes(whole)
    assert without_cost(resumed) == without_cost(whole)
    steps = [(entry["task"], entry["step"]) for entry in log(resumed)]
    assert steps == [(entry["task"], entry["step"]) for entry in log(whole)]


def _in_task_2(out: Path) -> bool:
    """Whether the newest checkpoint lies within the second task (60 steps each; numbers are twice the steps)."""
    numbers = [int(path.stem) for path in (out / "checkpoint").glob("*.json")]
    return bool(numbers) and 2 * 60 < max(numbers) < 2 * 115


CLNP = ["method.finetune=0.4", "method.l1_factors=[1,10]", "method.margin=0.5"]


@pytest.mark.parametrize(
    "method",
    [
        "ewc-online",
        "si",
        "lwf",
        "hat",
        "xdg+si",
        "packnet",
        "clnp",
        "anpyc",
        "er+mas",
        "der++",
        "agem+der++",
        "packnet+ewc",
        "er+packnet",
        "hat+der++",
        "dgr",
        "anpyc+align",
    ],
)
def test_cut_off_within_any_task_and_resumed(method: str, tmp_path: Path) -> None:
    """After a checkpoint in the first task, the second, and while the second is retrained: the same bytes."""
    sets = ["train.checkpoint_every=1", *(CLNP if method == "clnp" else [])]
    preset = "digits-vae" if "align" in method else "digits-mlp"
    whole = train(tmp_path / "whole", preset, method, set=sets)
    for at in (4, 7, 11):
        with killed_at(at):
            train(tmp_path / str(at), preset, method, set=sets)
        resumed = gencl.train(out=tmp_path / str(at), resume=True, progress="silent")
        assert model_bytes(resumed) == model_bytes(whole)
        assert without_cost(resumed) == without_cost(whole)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_write_a_checkpoint_and_end_with_their_status(number: signal.Signals, tmp_path: Path) -> None:
    out = tmp_path / "run"
    sets = [part for text in [*tiny("digits-cgan"), "train.steps=2000"] for part in ("--set", text)]
    process = forked.command("train", "--out", out, *sets)
    while not (out / "log.jsonl").exists() and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, number)
    assert process.wait(60) == 128 + number
    assert "--resume" in process.errors and "Traceback" not in process.errors and process.output == ""
    assert list((out / "checkpoint").glob("*.json"))


def test_resume_falls_back_to_the_last_good_checkpoint(whole: Run, tmp_path: Path) -> None:
    run = unfinished(whole, tmp_path / "run")
    newest = sorted((run.path / "checkpoint").glob("*.safetensors"))[-1]
    newest.write_bytes(newest.read_bytes()[:-10])
    assert model_bytes(gencl.train(out=run.path, resume=True, progress="silent")) == model_bytes(whole)
    _unfinish(run)
    for path in (run.path / "checkpoint").glob("*.json"):
        path.write_text(path.read_text().replace("1", "2"))
    with pytest.raises(GenclError, match=r"no checkpoint in .* is whole"):
        gencl.train(out=run.path, resume=True, progress="silent")


def test_a_run_that_another_process_went_on_with_meanwhile_is_left_to_it(
    whole: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one writes its last checkpoint after this one has read an older one, and then lets go of the lock."""
    run = unfinished(whole, tmp_path / "run")
    real, folder = Recorder.create, run.path / "checkpoint"

    def create(recorder: Recorder, resume: bool, extends: Settings | None = None) -> None:
        real(recorder, resume, extends)
        for path in [path for path in folder.iterdir() if path.stem == checkpoint.newest(folder)]:
            shutil.copy(path, path.with_stem("99999999"))

    with monkeypatch.context() as patch, pytest.raises(GenclError, match="another process went on with this run"):
        patch.setattr(Recorder, "create", create)
        gencl.train(out=run.path, resume=True, progress="silent")
    assert model_bytes(gencl.train(out=run.path, resume=True, progress="silent")) == model_bytes(whole)


def test_resume_of_a_finished_run_changes_nothing(whole: Run) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.path.rglob("*")}
    gencl.train(out=whole.path, resume=True, progress="silent")
    assert {path: path.stat().st_mtime_ns for path in whole.path.rglob("*")} == before


def test_resume_with_config_only_starts_at_step_0(whole: Run, tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "config.yaml").write_bytes((whole.path / "config.yaml").read_bytes())
    assert model_bytes(gencl.train(out=out, resume=True, progress="silent")) == model_bytes(whole)


def test_a_checkpoint_of_another_kind_of_device_goes_on_with_other_random_numbers(
    whole: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    with killed_at(9):
        train(out, set=["train.checkpoint_every=1"])
    last = checkpoint.load(out / "checkpoint")
    assert last is not None
    of_a_gpu = torch.zeros(16, dtype=torch.uint8)  # the size of a CUDA generator's state
    checkpoint.save(out / "checkpoint", "99999999", last.state, {**last.tensors, "random": of_a_gpu})
    resumed = gencl.train(out=out, resume=True, progress="lines")
    assert "of another kind of device: the run goes on with other random numbers" in capsys.readouterr().err
    assert resumed.finished and model_bytes(resumed) != model_bytes(whole)


@pytest.mark.parametrize("content", ["[]", "[" * 100_000, "{}", '{"sha256": 1}', "3", ""])
def test_an_odd_checkpoint_file_is_passed_over(content: str, classified: Run, tmp_path: Path) -> None:
    run = unfinished(classified, tmp_path / "run")
    newest = sorted((run.path / "checkpoint").glob("*.json"))[-1]
    newest.write_text(content)
    assert model_bytes(gencl.train(out=run.path, resume=True, progress="silent")) == model_bytes(classified)


def test_a_checkpoint_of_other_settings_or_data_is_not_gone_on_with(
    classified: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = unfinished(classified, tmp_path / "run")
    config = run.path / "config.yaml"
    text = config.read_text()
    config.write_text(text.replace("steps: 6", "steps: 7"))
    with pytest.raises(UsageError, match="other settings"):
        gencl.train(out=run.path, resume=True, progress="silent")
    config.write_text(text)
    from gencl.datasets import digits

    real = digits.load()
    altered = dataclasses.replace(real, train=Split(255 - real.train.images, real.train.labels))
    monkeypatch.setattr(digits, "load", lambda *_: altered)
    with pytest.raises(UsageError, match="other data"):
        gencl.train(out=run.path, resume=True, progress="silent")


def test_a_run_has_one_writer(tmp_path: Path, forks: ForkServer) -> None:
    out = tmp_path / "run"
    sets = [part for text in [*tiny("digits-cgan"), "train.steps=2000"] for part in ("--set", text)]
    process = forks.start(["train", "--out", str(out), *sets])
    while not (out / "log.jsonl").exists():
        time.sleep(0.01)
    try:
        with pytest.raises(UsageError, match="another process writes the run"):
            gencl.train(out=out, resume=True, progress="silent")
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
