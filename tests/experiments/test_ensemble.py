"""Runs that differ by their seed alone, trained as one, against the same runs trained alone."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import gencl
from gencl.core.errors import GenclError, Interrupted, UsageError
from gencl.core.progress import Reporter
from gencl.core.settings import Settings
from gencl.experiments.cells import kind_of
from gencl.experiments.compare import _groups
from gencl.experiments.train_seeds import apart, train_seeds
from gencl.runs.recorder import Recorder
from gencl.runs.variants import parse_variants
from tests import conftest
from tests.numbers import models

SEEDS = (3, 4)
TWO_PICTURES = 2 / 20 + 1e-3
"""A share of 20 pictures moves in steps: of those at a boundary, rounding puts some on its other side."""
PLAIN = ["train.optimizer=sgd", "train.lr=0.005"]
"""Adam takes a whole step along a gradient of nothing but rounding, whose direction depends on the processor."""
CASES = [
    ("digits-mlp", "sgd", []),
    ("digits-mlp", "joint", ["model.heads=class"]),
    ("digits-mlp", "sgd", ["model.heads=class"]),
    ("digits-mlp", "si", ["method.consolidation=loss"]),
    ("digits-mlp", "anpyc", ["method.prune=20", "train.half_life=100", "model.heads=domain"]),
    ("digits-mlp", "ewc+si", ["train.shared_lr=0.5"]),
    ("digits-mlp", "sgd-f", ["model.generator={name: cgan, width: 8}"]),
    ("digits-cgan", "anpyc", ["method.prune=20", "model.r1_every=2", "model.adapter=2", "model.width=8", *PLAIN]),
    ("digits-vae", "mas", []),
    ("digits-vae", "joint", []),
    ("digits-flow", "anpyc", ["model.attention=inner", *PLAIN]),
]


def settings_of(preset: str, method: str, assignments: list[str]) -> Settings:
    return gencl.resolve(preset, method=method, assignments=[*conftest.tiny(preset), *assignments])


def written(folder: Path, settings: Settings) -> Path:
    path = folder / "settings.yaml"
    path.write_text(settings.to_yaml())
    return path


def assert_equal_runs(one: gencl.Run, other: gencl.Run) -> None:
    """The same within what sums in another order differ by."""
    for name, first, second in models(one.path, other.path):
        moved = float((second - first).norm())
        assert moved <= 0.03 * float(first.norm()) + 1e-3, f"{name}: {moved}"
    for name, matrix in one.metrics["matrices"].items():
        for row, other_row in zip(matrix, other.metrics["matrices"][name], strict=True):
            assert [v or 0 for v in other_row] == pytest.approx([v or 0 for v in row], rel=0.02, abs=TWO_PICTURES)


@pytest.mark.numeric
@pytest.mark.parametrize(("preset", "method", "assignments"), CASES)
def test_each_run_is_what_it_would_be_alone(preset: str, method: str, assignments: list[str], tmp_path: Path) -> None:
    settings = settings_of(preset, method, assignments)
    config = written(tmp_path, settings)
    runs = train_seeds(config, SEEDS, tmp_path / "together", threads=1, progress="silent")
    alone = gencl.train(config=config, seed=SEEDS[1], out=tmp_path / "alone", threads=1, progress="silent")
    assert [run.settings.seed for run in runs] == list(SEEDS)
    assert_equal_runs(alone, runs[1])
    log, other = ((run.path / "log.jsonl").read_text().splitlines() for run in (alone, runs[1]))
    assert len(log) == len(other)
    first = [load_file(run.path / "model.safetensors") for run in runs]
    assert any(not torch.equal(first[0][name], first[1][name]) for name in first[0])
    assert runs[0].metrics["cost"]["steps"] == alone.metrics["cost"]["steps"]


@pytest.mark.numeric
@pytest.mark.parametrize("method", ["si", "anpyc"])
def test_after_a_signal_each_run_goes_on_alone(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of the second task; optimisers, averages and the method's state are in the checkpoints."""
    settings = settings_of("digits-mlp", method, ["train.half_life=100", "train.optimizer=adam"])
    config = written(tmp_path, settings)
    whole = train_seeds(config, SEEDS, tmp_path / "whole", threads=1, progress="silent")
    real = Recorder.log
    second = {seed: run.metrics["tasks"][1] for seed, run in zip(SEEDS, whole, strict=True)}

    def log(recorder: Recorder, entry: Mapping[str, Any], *rest: Any) -> int:
        if entry["task"] == second[recorder.settings.seed] and entry["step"] == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return real(recorder, entry, *rest)

    with monkeypatch.context() as patch, pytest.raises(Interrupted, match="each run goes on alone"):
        patch.setattr(Recorder, "log", log)
        train_seeds(config, SEEDS, tmp_path / "cut", threads=1, progress="silent")
    for seed, run in zip(SEEDS, whole, strict=True):
        folder = tmp_path / "cut" / f"seed-{seed}"
        stopped = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        assert stopped[-1]["task"] == second[seed] and stopped[-1]["step"] == 2
        assert_equal_runs(run, gencl.train(out=folder, resume=True, threads=1, progress="silent"))


def test_a_seed_that_diverges_is_named(tmp_path: Path) -> None:
    settings = settings_of("digits-mlp", "sgd", ["train.lr=1e30"])
    with pytest.raises(GenclError, match=r"the loss of the classifier became .*seed-3 has no checkpoint yet"):
        train_seeds(written(tmp_path, settings), SEEDS, tmp_path / "runs", progress="silent")


@pytest.mark.parametrize(
    ("preset", "method", "assignments", "why"),
    [
        ("digits-mlp", "lwf", [], "its method does not treat parameters entry by entry"),
        ("digits-mlp", "ewc+lwf", [], "entry by entry"),
        ("digits-mlp", "ewc", ["model.dropout=0.5"], "its learner draws within its layers"),
        ("digits-cgan", "sgd", ["model.norm=batch"], "normalises by the batch"),
        ("digits-mlp", "sgd", ["train.compile=yes"], "compiles the networks of one"),
        ("digits-cgan", "sgd", ["scenario.name=dirichlet"], "each has other classes in a task"),
    ],
)
def test_what_cannot_be_trained_as_one_is_refused(
    preset: str, method: str, assignments: list[str], why: str, tmp_path: Path
) -> None:
    settings = settings_of(preset, method, assignments)
    assert why in str(apart(settings, (1, 28, 28)))
    with pytest.raises(UsageError, match=why):
        train_seeds(written(tmp_path, settings), SEEDS, tmp_path / "runs", progress="silent")
    assert not (tmp_path / "runs").exists()


def test_a_folder_of_other_files_is_refused_and_kept(tmp_path: Path) -> None:
    notes = tmp_path / "runs" / f"seed-{SEEDS[0]}" / "notes.txt"
    notes.parent.mkdir(parents=True)
    notes.write_text("mine")
    with pytest.raises(UsageError, match="exists and is not a run"):
        train_seeds(
            written(tmp_path, settings_of("digits-mlp", "sgd", [])), SEEDS, tmp_path / "runs", progress="silent"
        )
    assert notes.read_text() == "mine"


def test_compare_trains_seeds_together_where_it_can(tmp_path: Path) -> None:
    """Those of methods that cannot be stacked are trained one at a time."""
    options = ["--preset", "digits-mlp", "--seeds", "0-1", "--methods", "ewc,lwf", "--ensemble"]
    for assignment in conftest.tiny("digits-mlp"):
        options += ["--set", assignment]
    refused = conftest.gencl("compare", *options, "--executor", "local", "--out", tmp_path / "none")
    assert refused.returncode == 2 and "--executor" in refused.stderr and not (tmp_path / "none").exists()
    done = conftest.gencl("compare", *options, "--out", tmp_path / "cells")
    lines = done.stderr + done.stdout
    assert done.returncode == 0 and "ewc, seeds 0, 1: done" in lines
    assert "lwf: one seed at a time, since its method does not" in lines and "lwf, seed 1: done" in lines
    results = json.loads((tmp_path / "cells" / "results.json").read_text())
    assert all(row["acc"]["n"] == 2 for row in results["methods"].values())


def test_cells_that_have_begun_go_on_alone(tmp_path: Path) -> None:
    settings = settings_of("digits-mlp", "ewc", [])
    (ewc,) = parse_variants("ewc")
    cells = {(ewc, seed): settings for seed in range(4)}
    with Reporter(1, 0, "silent") as reporter:
        assert _groups(cells, tmp_path, {kind_of(settings): (1, 28, 28)}, reporter) == [list(cells)]
        begun = tmp_path / "ewc" / "seed-1"
        begun.mkdir(parents=True)
        (begun / "config.yaml").touch()
        groups = _groups(cells, tmp_path, {kind_of(settings): (1, 28, 28)}, reporter)
    assert [[seed for _, seed in group] for group in groups] == [[0, 2, 3], [1]]


def test_a_variant_that_cannot_be_built_fails_alone(tmp_path: Path) -> None:
    sets = conftest.tiny("digits-vae")
    odd = "sgd:model.width=4:model.network=residual:data.size=9"
    results = gencl.compare(
        f"sgd,{odd}", (0, 1), tmp_path, "digits-vae", set=sets, ensemble=True, threads=1, progress="silent"
    )
    assert {label: row["status"] for label, row in results["methods"].items()} == {
        "sgd": "done", odd: "failed", "real": "done",
    }  # fmt: skip
