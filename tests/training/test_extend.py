"""A finished run learns one more task, as if it had been planned, or it refuses."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import gencl
import gencl.commands
from gencl.core.errors import UsageError
from gencl.metrics import extractors
from gencl.run import Run
from tests.conftest import tiny
from tests.training.extending import FEW, SETS, Finished, content, domains, extend, train


def learned(run: Run) -> object:
    return (run.path / "model.safetensors").read_bytes(), run.metrics["matrices"], run.metrics["summary"]


@pytest.mark.parametrize("method", ["ewc-online", "si+er", "lwf", "hat", "clnp", "dgr"])
def test_extending_is_as_if_it_had_been_planned(method: str, folders: Path, finished: Finished, tmp_path: Path) -> None:
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
    preset: str, method: str, sets: list[str], folders: Path, finished: Finished, tmp_path: Path
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


def test_settings_at_their_defaults_change_and_go_back(folders: Path, finished: Finished, tmp_path: Path) -> None:
    """Those, too, that config.yaml leaves out while they are at their defaults."""
    run = finished(tmp_path / "run", "digits-mlp", "ewc", "train.weight_decay=0.01")
    run = extend(run, folders / "four", set=["train.weight_decay=0", "train.patience=5"])
    assert run.settings.extend[0].train == {"weight_decay": 0.0, "patience": 5}
    of_tasks = run.settings.train_of(3)
    assert [train.weight_decay for train in of_tasks] == [0.01, 0.01, 0.0] and of_tasks[2].patience == 5


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
        ("ewc", [], ["four"], {"set": ["method.lambda=3"]}, r"--set method\.lambda: it stays the run's"),
        ("ewc", [], ["four"], {"set": ["train.stepz=3"]}, "did you mean train.steps"),
        ("ewc", [], ["four"], {"set": ["train.steps=0"]}, "train.steps"),
        ("ewc", [], ["four"], {"set": ["model.hidden=oops"]}, r"--set model\.hidden: it stays the run's; a task"),
        ("ewc", [], ["four"], {"set": {"seed": 3}}, "--set seed: it stays the run's"),
        ("ewc", [], ["four"], {"set": ["train.boundaries=inferred"]}, r"--set train\.boundaries: it stays the run's"),
    ],
)
def test_what_cannot_be_learned_is_refused_and_changes_nothing(
    method: str,
    sets: list[str],
    names: list[str],
    options: dict[str, Any],
    message: str,
    folders: Path,
    finished: Finished,
    tmp_path: Path,
) -> None:
    run = finished(tmp_path / "run", "digits-mlp", method, *sets)
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    with pytest.raises(UsageError, match=message):
        extend(run, *(folders / name for name in names), **options)
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before and run.finished


def test_only_a_finished_run_can_be_extended(folders: Path, finished: Finished, tmp_path: Path) -> None:
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


def test_one_class_more_for_one_head_over_all_classes(folders: Path, finished: Finished, tmp_path: Path) -> None:
    run = extend(finished(tmp_path / "run", "digits-mlp", "mas", "model.heads=class"), folders / "single")
    assert run.learner().classes == [0, 1, 2, 3, 4] and run.card.class_names[-1] == "single"


def test_how_images_are_changed_is_said(
    folders: Path,
    finished: Finished,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folders)
    run = gencl.extend(finished(tmp_path / "run", "digits-mlp", "sgd").path, "three", progress="lines")
    shown = capsys.readouterr().err
    assert "three: pictures such as 24x20 RGB become 28x28 grey" in shown
    assert "3 tasks, 2 of them learned" in shown and "task 3: three (three a, three b)" in shown
    assert run.settings.extend[0].data == str(folders / "three")


def test_the_command(
    folders: Path,
    finished: Finished,
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


def test_one_matrix_has_one_measure(
    finished: Finished, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever `auto` would choose later, when other networks are here."""
    run = finished(tmp_path / "run", "digits-cgan", "sgd")
    before = run.metrics["features"]["name"]
    monkeypatch.setattr(extractors, "automatic", lambda *_: "fashion")
    run = extend(run, folders / "three")
    assert run.metrics["features"]["name"] == before


def test_what_can_be_measured_no_longer_is_said(
    finished: Finished, folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = finished(tmp_path / "run", "digits-cgan", "sgd")
    assert "conditional_accuracy" in run.metrics["matrices"]
    run = gencl.extend(run, folders / "four", progress="lines")
    assert "conditional_accuracy is left out: the network that reads" in capsys.readouterr().err
    assert "conditional_accuracy" not in run.metrics["matrices"]


def test_copies_of_earlier_images_are_told(
    finished: Finished, folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = finished(tmp_path / "run", "digits-mlp", "sgd", "model.heads=class")
    gencl.extend(run, [folders / "single", folders / "four"], progress="lines")
    told = [line for line in capsys.readouterr().err.splitlines() if "in earlier tasks" in line]
    assert len(told) == 1 and "single: 8 of its 8 images are in earlier tasks, too" in told[0]
