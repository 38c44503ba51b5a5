"""Cells as jobs, by submitit's local executor: real processes of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gencl
from gencl.experiments.jobs import parse_options
from tests.conftest import gencl as command
from tests.conftest import tiny

SETS = [part for text in tiny("digits-mlp") for part in ("--set", text)]
BASE = ["compare", "--preset", "digits-mlp", *SETS, "--seeds", "0", "--json", "--executor"]


def test_each_cell_is_a_job_and_what_is_done_stays(tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    out, failing = tmp_path / "c", "finetune:model.heads=domain"
    done = command(*BASE, "local", "--methods", f"sgd,{failing}", "--threads", "1", "--out", out)
    rows = json.loads(done.stdout)["methods"]
    assert done.returncode == 1 and rows["sgd"]["status"] == "done"
    assert rows[failing]["status"] == "failed" and "one head per task" in rows[failing]["error"]
    assert json.loads((out / "results.json").read_text())["methods"] == rows
    assert len(list((out / "jobs").glob("*.json"))) == 2 and not list((out / "jobs").glob("*.job"))
    alone = gencl.train(
        "digits-mlp", "sgd", 0, tmp_path / "alone", set=tiny("digits-mlp"), threads=1, progress="silent"
    )
    model = out / "sgd" / "seed-0" / "model.safetensors"
    assert model.read_bytes() == (alone.path / "model.safetensors").read_bytes()
    written = model.stat().st_mtime_ns
    assert command(*BASE, "local", "--methods", "sgd", "--out", out).returncode == 0
    assert model.stat().st_mtime_ns == written


def test_options_of_sbatch() -> None:
    assert parse_options(["partition=gpu", "--gpus-per-node=a100:1"]) == {
        "partition": "gpu", "gpus_per_node": "a100:1",
    }  # fmt: skip
    for text in ("partition", "=gpu", "time="):
        with pytest.raises(gencl.UsageError, match="write an option of sbatch as KEY=VALUE"):
            parse_options([text])


def test_wrong_use_is_told_before_anything_is_written(tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    for arguments, message in (
        (["local", "--slurm", "partition=gpu"], "go with --executor slurm"),
        (["slurm"], "there is no sbatch here"),
    ):
        done = command(*BASE, *arguments, "--out", tmp_path / "c")
        assert done.returncode == 2 and message in done.stderr and not (tmp_path / "c").exists()
    done = command(*BASE, "local", "--dry-run", "--out", tmp_path / "c")
    assert done.returncode == 0 and not (tmp_path / "c").exists(), done.stderr
