"""What a run has cost does not depend on whether, and when, it was interrupted."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from gencl.api import train
from gencl.experiments.train_seeds import train_seeds
from gencl.runs import checkpoint
from gencl.runs.recorder import Recorder
from gencl.runs.state import State
from gencl.training.stopwatch import Stopwatch
from tests.conftest import killed_at, tiny
from tests.experiments.test_ensemble import settings_of, written

SETS = [*tiny("digits-mlp"), "scenario.tasks=2", "train.checkpoint_every=2", "train.log_every=1"]


@pytest.fixture(autouse=True)
def _ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on by a hundred in each step, and by one whenever it is read, however slow the machine is."""
    ticks = itertools.count()
    monkeypatch.setattr(Stopwatch, "clock", lambda watch: 100.0 * watch._cost().steps + next(ticks))
    used = itertools.count()
    monkeypatch.setattr(Stopwatch, "cpu", lambda watch: 10.0 * watch._cost().steps + next(used))


def cost(folder: Path) -> dict[str, Any]:
    total = train(out=folder, resume=True, progress="silent").metrics["cost"]
    for row in [total, *total["by_task"]]:
        row.pop("peak_memory_bytes", None), row.pop("memory_bytes", None)
    return dict(total)


@pytest.mark.parametrize("step", [2, 4, 6, 8, 10, 12])
def test_a_killed_run_costs_what_it_would_have(step: int, tmp_path: Path) -> None:
    train("digits-mlp", "anpyc", 0, tmp_path / "whole", set=SETS, progress="silent")
    with killed_at(step):
        train("digits-mlp", "anpyc", 0, tmp_path / "cut", set=SETS, progress="silent")
    whole = cost(tmp_path / "whole")
    assert cost(tmp_path / "cut") == whole
    assert 120 <= whole["cpu_seconds"] < whole["train_seconds"]  # twelve steps


def test_memory_of_a_task_that_was_interrupted_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states = []
    write = Recorder.checkpoint

    def look(recorder: Recorder, state: State, tensors: Mapping[str, Tensor]) -> None:
        states.append(state.tree())
        write(recorder, state, tensors)

    monkeypatch.setattr(Recorder, "checkpoint", look)
    train("digits-mlp", "sgd", 0, tmp_path / "run", set=SETS, progress="silent")
    assert states[0]["step"] == 2 and states[0]["cost"]["peak_memory_bytes"] > 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the peak is that of the process's whole life")
def test_a_run_does_not_count_the_memory_of_what_the_process_did_before(tmp_path: Path) -> None:
    before = bytearray(3 * 2**30)
    before[:: 2**12] = bytes([1]) * len(before[:: 2**12])  # touched, so that they are in memory
    del before
    run = train("digits-mlp", "sgd", 0, tmp_path / "run", set=SETS, progress="silent")
    assert 0 < run.metrics["cost"]["peak_memory_bytes"] < 3 * 2**30


def test_seeds_trained_as_one_have_their_share_in_a_checkpoint(tmp_path: Path) -> None:
    settings = settings_of("digits-mlp", "ewc", ["train.checkpoint_every=2"])
    config = written(tmp_path, settings)
    whole = train_seeds(config, [0, 1], tmp_path / "whole", progress="silent")[0].metrics["cost"]["by_task"][0]
    with killed_at(4):
        train_seeds(config, [0, 1], tmp_path / "cut", progress="silent")
    last = checkpoint.load(tmp_path / "cut" / "seed-0" / "checkpoint")
    assert last is not None
    assert 0 < last.state["cost"]["train_seconds"] < whole["train_seconds"]
