"""A tracker is told what the log and the metrics hold, and changes nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import gencl
from tests.conftest import gencl as command
from tests.conftest import tiny


def test_tensorboard_holds_losses_summary_and_grids_and_training_stays_as_it_is(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    sets = [*tiny("digits-cgan"), "scenario.tasks=2"]
    plain = gencl.train("digits-cgan", "sgd", 0, tmp_path / "plain", set=sets, progress="silent")
    run = gencl.train("digits-cgan", "sgd", 0, tmp_path / "run", set=sets, log_with="tensorboard", progress="silent")
    weights = "model.safetensors"
    assert (run.path / weights).read_bytes() == (plain.path / weights).read_bytes()
    events = accumulator.EventAccumulator(str(run.path / "tensorboard"))
    events.Reload()
    log = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
    told = events.Scalars("loss/generator")
    assert [event.step for event in told] == [2, 4, 6, 8, 10, 12]
    assert [event.value for event in told] == pytest.approx([line["loss"]["generator"] for line in log], rel=1e-5)
    fid = run.metrics["matrices"]["fid"]
    assert [e.value for e in events.Scalars("fid/task 1")] == pytest.approx([fid[0][0], fid[1][0]], rel=1e-5)
    assert events.Scalars("summary/fid")[-1].value == pytest.approx(run.metrics["summary"]["fid"], rel=1e-5)
    assert [event.step for event in events.Images("samples")] == [6, 12]

    max((run.path / "checkpoint").glob("*.json")).unlink()  # as if it had been killed within the second task
    run.report.unlink()
    gencl.train(out=run.path, resume=True, log_with="tensorboard", progress="silent")
    assert (run.path / weights).read_bytes() == (plain.path / weights).read_bytes()
    events.Reload()
    assert [event.step for event in events.Scalars("loss/generator")] == [2, 4, 6, 8, 10, 12]


def test_a_tracker_that_is_not_installed_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)  # as if it were not installed
    done = command("train", "--log-with", "wandb", "--out", tmp_path / "run")
    assert done.returncode == 2 and '[wandb]"' in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_tracker_that_cannot_start_leaves_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights & Biases without a key, or at all."""
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "nowhere")
    done = command("train", "--preset", "digits-mlp", "--log-with", "wandb", "--out", tmp_path / "run")
    assert done.returncode == 1 and "gencl: --log-with wandb cannot start" in done.stderr
    assert not (tmp_path / "run").exists()
