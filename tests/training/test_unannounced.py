"""Runs whose tasks are inferred."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gencl
from gencl.core.errors import UsageError
from gencl.runs.folder import RunFolder
from tests.conftest import gencl as command
from tests.conftest import killed_at
from tests.scenarios.test_domains import folder

TWICE = [
    "scenario.name=repeat",
    "scenario.of={name: permuted, tasks: 2}",
    "model.hidden=[16,8]",
    "train.steps=8",
    "train.lr_end=1",
    "train.checkpoint_every=3",
]
INFERRED = [*TWICE, "train.boundaries=inferred"]


def trained(out: Path, assignments: list[str], method: str = "ewc") -> RunFolder:
    return gencl.train("digits-mlp", method, 0, out, set=assignments, progress="silent")  # type: ignore[return-value]


@pytest.mark.parametrize("method", ["ewc", "anpyc", "er", "joint"])
def test_a_run_whose_tasks_are_inferred_right_is_the_run_of_the_given_ones(method: str, tmp_path: Path) -> None:
    enough = ["train.steps=45"]  # a visit shows every image
    given = trained(tmp_path / "given", [*TWICE, *enough], method)
    found = trained(tmp_path / "run", [*INFERRED, *enough], method)
    assert found.metrics["matrices"] == given.metrics["matrices"]
    assert (given.path / "model.safetensors").read_bytes() == (found.path / "model.safetensors").read_bytes()
    assert "boundaries" not in given.metrics
    assert found.metrics["boundaries"] == {
        "attributed": 1.0,
        "attributed_after": 1.0,
        "delay": {"mean": 0.0, "largest": 0},
        "inferred": 2,
        "true": 2,
        "returns": {"recognised": 2, "of": 2},
    }
    assert "Boundaries were inferred: 2 tasks were inferred of 2" in (found.path / "report.html").read_text()


@pytest.mark.parametrize("step", [8 * 2 + 3, 8 * 3 + 6])
def test_a_run_that_was_stopped_in_a_return_goes_on_exactly(step: int, tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole", INFERRED)
    with killed_at(step):
        trained(tmp_path / "cut", INFERRED)
    resumed = gencl.train(out=tmp_path / "cut", resume=True, progress="silent")
    assert (whole.path / "model.safetensors").read_bytes() == (resumed.path / "model.safetensors").read_bytes()
    assert whole.metrics["matrices"] == resumed.metrics["matrices"]
    assert whole.metrics["boundaries"] == resumed.metrics["boundaries"]


def test_it_is_said_at_the_start_and_at_the_end(tmp_path: Path) -> None:
    chosen = [part for one in INFERRED for part in ("--set", one)]
    learned = command("train", "--preset", "digits-mlp", *chosen, "--out", tmp_path / "run")
    assert learned.returncode == 0 and "2 tasks were inferred of 2" in learned.stderr
    assert "boundaries: 2 tasks were inferred of 2" in learned.stdout
    measured = command("evaluate", tmp_path / "run", "--json")
    assert measured.returncode == 0 and len(json.loads(measured.stdout)["tasks"]) == 4


def test_a_later_task_is_announced(tmp_path: Path) -> None:
    trained(tmp_path / "run", ["model.heads=task", *INFERRED])
    longer = gencl.extend(tmp_path / "run", folder(tmp_path / "pictures", "ab"), progress="silent")
    assert longer.metrics["tasks"][-1] == "pictures" and longer.metrics["boundaries"]["attributed"] == 1


def test_methods_are_compared_on_a_stream(tmp_path: Path) -> None:
    chosen = [part for one in TWICE for part in ("--set", one)]
    methods = ["--methods", "sgd:train.boundaries=inferred,sgd", "--seeds", "0"]
    done = command("compare", "--preset", "digits-mlp", *methods, *chosen, "--out", tmp_path / "all")
    assert done.returncode == 0 and "2 tasks were inferred of 2" in done.stderr
    results = json.loads((tmp_path / "all" / "results.json").read_text())["methods"]
    assert [row["status"] for row in results.values()] == ["done", "done"]


def test_other_boundaries_are_another_run(tmp_path: Path) -> None:
    trained(tmp_path / "run", INFERRED)
    with pytest.raises(UsageError, match=r"train\.boundaries"):
        gencl.train("digits-mlp", "ewc", 0, tmp_path / "run", set=TWICE, resume=True, progress="silent")
