"""A finished run learns one more task: as if it had been planned, whenever it is cut off, or it refuses."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import gencl
import gencl.commands
from gencl.api import Run
from gencl.core.errors import GenclError, Interrupted, UsageError
from gencl.runs.recorder import Recorder
from tests.conftest import tiny

SETS = {
    "digits-cgan": ["train.steps=4", "model.width=4", "train.log_every=2"],
    "digits-mlp": ["train.steps=4", "model.hidden=[16,8]", "train.log_every=2", "data.validation=0.2"],
}
FEW = ["method.anpyc.samples=16"]


class Cut(Exception):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of two classes each, ``one`` to ``four``, of 28x28 grey pictures; ``three`` has other shapes."""
    root = tmp_path_factory.mktemp("folders")
    random = np.random.default_rng(0)
    for name, shape in {"one": (28, 28), "two": (28, 28), "three": (20, 24, 3), "four": (28, 28)}.items():
        for label in "ab":
            (root / name / f"{name} {label}").mkdir(parents=True)
            for i in range(8):
                pixels = random.integers(0, 256, shape, dtype=np.uint8)
                Image.fromarray(pixels).save(root / name / f"{name} {label}" / f"{i}.png")
    shutil.copytree(root / "one" / "one a", root / "single")
    return root


def domains(folders: Path, *names: str) -> list[str]:
    return ["scenario.name=domains", f"scenario.domains=[{','.join(str(folders / name) for name in names)}]"]


def train(out: Path, preset: str, method: str, sets: Sequence[str]) -> Run:
    return gencl.train(preset, method, 0, out, set=sets, progress="silent")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, folders: Path) -> Callable[..., Run]:
    """Copies of finished runs of two tasks, each trained once."""
    root, trained = tmp_path_factory.mktemp("finished"), {}

    def copy(out: Path, preset: str, method: str, *sets: str) -> Run:
        key = repr((preset, method, sets))
        if key not in trained:
            tasks = [*SETS[preset], *domains(folders, "one", "two"), *sets]
            trained[key] = train(root / str(len(trained)), preset, method, tasks).path
        shutil.copytree(trained[key], out)
        return Run(out)

    return copy


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, folders: Path, finished: Callable[..., Run]) -> Run:
    """A run that was extended without being cut off."""
    run = finished(tmp_path_factory.mktemp("whole") / "run", "digits-cgan", "anpyc+align", *FEW)
    return extend(run, folders / "four")


def extend(run: Run, *names: Path | str, **options: Any) -> Run:
    return gencl.extend(run, names, progress="silent", **options)


def content(run: Run) -> dict[str, object]:
    """All of a run's directory that depends on its settings alone."""
    names = ["config.yaml", "log.jsonl", "model.json", "model.safetensors"]
    parts: dict[str, object] = {name: (run.path / name).read_bytes() for name in names}
    parts |= {path.name: path.read_bytes() for path in (run.path / "samples").iterdir()}
    return parts | {key: value for key, value in run.metrics.items() if key not in ("cost", "environment")}


def learned(run: Run) -> object:
    return (run.path / "model.safetensors").read_bytes(), run.metrics["matrices"], run.metrics["summary"]


@pytest.mark.parametrize("method", ["ewc-online", "si+er", "lwf", "hat", "clnp", "dgr"])
def test_extending_is_as_if_it_had_been_planned(
    method: str, folders: Path, finished: Callable[..., Run], tmp_path: Path
) -> None:
    """Where a method does not ask which task is the last: train(3 tasks) == train(2) + extend(1), byte for byte."""
    sets = ["model.generator_batch=4", "model.generator.width=4"] if method == "dgr" else []
    planned = train(
        tmp_path / "3", "digits-mlp", method, [*SETS["digits-mlp"], *sets, *domains(folders, "one", "two", "four")]
    )
    run = extend(finished(tmp_path / "2", "digits-mlp", method, *sets), folders / "four")
    assert run.finished and learned(run) == learned(planned)
    assert run.metrics["tasks"] == ["one", "two", "four"] and run.card.class_names[-1] == "four b"


@pytest.mark.parametrize(
    ("preset", "method", "sets"),
    [
        ("digits-cgan", "anpyc+align", FEW),
        ("digits-mlp", "packnet", ["method.last=prune"]),
        ("digits-mlp", "anpyc", ["method.last=prune"]),
    ],
)
def test_its_config_repeats_the_extended_run(
    preset: str, method: str, sets: list[str], folders: Path, finished: Callable[..., Run], tmp_path: Path
) -> None:
    """All that is extended, one by one or together, with steps of its own, comes again from config.yaml alone."""
    run = finished(tmp_path / "run", preset, method, *sets)
    run = extend(run, folders / "four")
    run = extend(run, folders / "three", folders / "single", set={"train.steps": "1.5x"})
    again = gencl.train(config=run.path / "config.yaml", out=tmp_path / "again", progress="silent")
    assert content(run) == content(again)
    assert [task.train for task in run.settings.extend] == [{}, {"steps": 6}, {"steps": 6}]
    assert run.metrics["cost"]["steps"] == 3 * 4 + 2 * 6
    assert [len(classes) for classes in run.card.tasks][2:] == [2, 2, 1]


@pytest.mark.data
@pytest.mark.parametrize("preset", ["digits-cgan", "digits-mlp"])
def test_an_extended_run_is_as_the_contract_says(preset: str, folders: Path, tmp_path: Path, data_root: Path) -> None:
    before = train(tmp_path / "run", preset, "mas", [*tiny(preset), "scenario.tasks=2", "method.samples=16"])
    features = before.metrics.get("features")
    run = extend(before, folders / "three")
    script = data_root.parent / "check" / "contract.py"
    done = subprocess.run([sys.executable, script, run.path], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "as the contract says"
    if preset == "digits-cgan":  # one measure in the whole matrix; the reader of digits knows no other class
        assert run.metrics["features"] == {**features, "added": ["three"]}
        assert list(run.metrics["matrices"]) == ["fid", "kid"] and "three" in (run.path / "report.html").read_text()
        run.sample(task=3, n=2)
    result = run.evaluate()
    assert [row["task"] for row in result["tasks"]] == run.metrics["tasks"]


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
    folders: Path, finished: Callable[..., Run], whole: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    finished: Callable[..., Run],
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
    folders: Path, finished: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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


def test_what_diverges_leaves_the_run_as_it_was(folders: Path, finished: Callable[..., Run], tmp_path: Path) -> None:
    run = finished(tmp_path / "run", "digits-mlp", "sgd")
    with pytest.raises(GenclError, match="became"):
        extend(run, folders / "four", set=["train.lr=1e30"])
    assert run.finished and not run.settings.extend
    assert extend(run, folders / "four").finished


@pytest.mark.parametrize(
    ("method", "sets", "names", "options", "message"),
    [
        ("joint", [], ["four"], {}, "method joint learns all tasks at once"),
        ("packnet", [], ["four"], {}, "train a run with method.last=prune"),
        ("sgd", ["model.heads=domain"], ["single"], {}, "as many classes in every task, and they have 1 or 2"),
        ("ewc", [], ["one"], {}, "one is learned already"),
        ("ewc", [], ["four", "four"], {}, "four is learned already"),
        ("ewc", [], [], {}, "name what to learn"),
        ("ewc", [], ["nowhere"], {}, "there is no folder .*nowhere"),
        ("ewc", [], ["four"], {"set": ["method.lambda=3"]}, "method stays the run's"),
        ("ewc", [], ["four"], {"set": ["train.stepz=3"]}, "did you mean train.steps"),
        ("ewc", [], ["four"], {"set": ["train.steps=0"]}, "train.steps"),
        ("ewc", [], ["four"], {"set": {"seed": 3}}, "seed stays the run's"),
    ],
)
def test_what_cannot_be_learned_is_refused_and_changes_nothing(
    method: str,
    sets: list[str],
    names: list[str],
    options: dict[str, Any],
    message: str,
    folders: Path,
    finished: Callable[..., Run],
    tmp_path: Path,
) -> None:
    run = finished(tmp_path / "run", "digits-mlp", method, *sets)
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    with pytest.raises(UsageError, match=message):
        extend(run, *(folders / name for name in names), **options)
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before and run.finished


def test_only_a_finished_run_can_be_extended(folders: Path, finished: Callable[..., Run], tmp_path: Path) -> None:
    run = finished(tmp_path / "run", "digits-mlp", "ewc")
    (run.path / "report.html").unlink()
    with pytest.raises(UsageError, match=r"is not finished; go on with it first: gencl train --resume --out"):
        extend(run, folders / "four")
    gencl.train(out=run.path, resume=True, progress="silent")
    shutil.rmtree(run.path / "checkpoint")
    with pytest.raises(UsageError, match="has no checkpoint"):
        extend(run, folders / "four")
    (run.path / "config.yaml").unlink()
    with pytest.raises(UsageError, match="holds a model alone"):
        extend(run, folders / "four")
    with pytest.raises(UsageError, match="there is no run in"):
        extend(Run(tmp_path / "nowhere"), folders / "four")
    with pytest.raises(UsageError, match=r"it has no config\.yaml"):
        extend(Run(tmp_path), folders / "four")


def test_one_class_more_for_one_head_over_all_classes(
    folders: Path, finished: Callable[..., Run], tmp_path: Path
) -> None:
    run = extend(finished(tmp_path / "run", "digits-mlp", "mas", "model.heads=class"), folders / "single")
    assert run.learner().classes == [0, 1, 2, 3, 4] and run.card.class_names[-1] == "single"


def test_how_images_are_changed_is_said(
    folders: Path,
    finished: Callable[..., Run],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folders)
    run = gencl.extend(finished(tmp_path / "run", "digits-mlp", "sgd").path, "three", progress="lines")
    shown = capsys.readouterr().err
    assert "three: pictures such as 24x20 RGB become 28x28 grey" in shown
    assert "3 tasks, 2 of them learned" in shown and "task 3, three: three a, three b" in shown
    assert run.settings.extend[0].data == str(folders / "three")


def test_the_command(
    folders: Path,
    finished: Callable[..., Run],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = finished(tmp_path / "run", "digits-mlp", "sgd")
    arguments = ["extend", str(run.path), str(folders / "four"), "--set", "train.steps=2", "--device", "cpu"]
    monkeypatch.setattr("sys.argv", ["gencl", *arguments, "--json"])
    gencl.commands.main()
    shown = capsys.readouterr()
    assert json.loads(shown.out) == run.metrics and run.metrics["tasks"] == ["one", "two", "four"]
    monkeypatch.setattr("sys.argv", ["gencl", *arguments, "--resume"])
    gencl.commands.main()
    shown = capsys.readouterr()
    assert "finished already" in shown.err and "four" in shown.out
    monkeypatch.setattr("sys.argv", ["gencl", *arguments])
    with pytest.raises(SystemExit):
        gencl.commands.main()
    assert "four is learned already" in capsys.readouterr().err
