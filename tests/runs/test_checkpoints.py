"""Checkpoints of other versions, and folders that go away."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from torch import Tensor

from gencl.api import train
from gencl.core.errors import GenclError
from gencl.run import Run
from gencl.runs import checkpoint
from gencl.runs.recorder import Recorder
from gencl.runs.state import State
from tests.conftest import gencl, killed_at, tiny


@pytest.fixture
def stopped(tmp_path: Path) -> Run:
    """A run that ended within its second task."""
    with killed_at(8):
        sets = [*tiny("digits-mlp"), "train.checkpoint_every=2"]
        train("digits-mlp", "ewc", 0, tmp_path / "run", set=sets, progress="silent")
    return Run(tmp_path / "run")


@pytest.mark.parametrize("schema", [0, 2, "1", None])
def test_another_schema_is_named_and_an_older_checkpoint_of_this_one_is_used(schema: object, stopped: Run) -> None:
    *older, newest = sorted((stopped.path / "checkpoint").glob("*.json"))
    of_other_schema(newest, schema)
    result = gencl("train", "--resume", "--out", stopped.path)
    assert result.returncode == 0, result.stderr
    assert f"it is of schema {schema}, this gencl reads 1" in " ".join(result.stderr.split())
    (stopped.path / "report.html").unlink()
    for path in (stopped.path / "checkpoint").glob("*.json"):
        of_other_schema(path, schema)
    result = gencl("train", "--resume", "--out", stopped.path)
    assert result.returncode == 1 and f"it is of schema {schema}, this gencl reads 1" in result.stderr
    assert not stopped.finished and older


def of_other_schema(path: Path, schema: object) -> None:
    body = json.loads(path.read_text())
    body.pop("sha256")
    body["schema"] = schema
    path.write_text(json.dumps({**body, "sha256": checkpoint._checksum(body)}))


def test_a_folder_that_vanishes_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, out = Recorder.checkpoint, tmp_path / "run"

    def remove(recorder: Recorder, state: State, tensors: Mapping[str, Tensor]) -> None:
        shutil.rmtree(out)
        write(recorder, state, tensors)

    monkeypatch.setattr(Recorder, "checkpoint", remove)
    with pytest.raises(GenclError, match=r"cannot write .*run"):
        train("digits-mlp", "ewc", 0, out, set=tiny("digits-mlp"), progress="silent")


def test_a_full_disk_leaves_the_last_good_state(stopped: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file beyond the first few cannot be written; later there is room again."""
    before = {path.name for path in (stopped.path / "checkpoint").iterdir()}
    replace, room = Path.replace, 1

    def full(path: Path, target: Path) -> Path:
        nonlocal room
        if room == 0:
            raise OSError(28, "No space left on device")
        room -= 1
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        result = gencl("train", "--resume", "--out", stopped.path)
    assert result.returncode == 1
    assert result.stderr.strip().splitlines()[-1].endswith("No space left on device")
    assert before & {path.name for path in (stopped.path / "checkpoint").iterdir()}
    assert not list(stopped.path.rglob("*.part")), "scratch files are left"
    assert gencl("train", "--resume", "--out", stopped.path).returncode == 0


def test_what_a_killed_writer_left_is_cleared_away(stopped: Run, tmp_path: Path) -> None:
    for folder in (stopped.path, stopped.path / "checkpoint"):
        (folder / ".model.json.abcd1234.part").write_text("{")
    (stopped.path / ".mine.txt").touch()
    assert gencl("train", "--resume", "--out", stopped.path).returncode == 0
    assert not list(stopped.path.rglob("*.part")) and (stopped.path / ".mine.txt").exists()
    at_once = tmp_path / "at-once"
    (at_once / "samples").mkdir(parents=True)
    (at_once / ".config.yaml.abcd1234.part").write_text("")
    sets = [part for text in tiny("digits-mlp") for part in ("--set", text)]
    begun = gencl("train", "--preset", "digits-mlp", "--method", "sgd", *sets, "--out", at_once)
    assert begun.returncode == 0, begun.stderr
    assert not list(at_once.rglob("*.part"))


@pytest.mark.parametrize("hidden", [[4096] * 4, [4096] * 400])
def test_a_model_card_that_declares_too_much_is_refused_before_memory_is_asked_for(
    hidden: list[int], tmp_path: Path
) -> None:
    run = train("digits-mlp", "sgd", 0, tmp_path / "run", set=tiny("digits-mlp"), progress="silent")
    card = json.loads((run.path / "model.json").read_text())
    card["model"]["hidden"] = hidden
    (run.path / "model.json").write_text(json.dumps(card))
    with pytest.raises(GenclError, match=r"model.json declares [\d,]+ numbers, more than the file has bytes"):
        run.learner()


def test_the_newest_checkpoint_has_the_highest_number_of_any_length(tmp_path: Path) -> None:
    for name in ("99999000", "100000000", "100001000"):
        checkpoint.save(tmp_path, name, {"step": int(name)}, {})
    assert {path.stem for path in tmp_path.glob("*.json")} == {"100000000", "100001000"}
    found = checkpoint.load(tmp_path)
    assert checkpoint.newest(tmp_path) == "100001000" and found is not None and found.state["step"] == 100001000
