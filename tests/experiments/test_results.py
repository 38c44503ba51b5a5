"""What a comparison gathers of its cells: what is compared with what, and what is averaged."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import pytest

import gencl
from gencl.reports.comparison import write_comparison
from gencl.reports.comparison_tables import comparison_lines
from gencl.run import Run
from tests.conftest import tiny
from tests.experiments.test_compare import compare

INFERRED = "sgd:train.boundaries=inferred:train.lr_end=1:train.steps=12"


def test_forward_transfer_is_not_against_joint_training_on_other_tasks(tmp_path: Path) -> None:
    """Tasks that are cut from a stream, which joint training with given boundaries has not learned."""
    rows = compare(tmp_path / "c", f"sgd,joint,{INFERRED}")["methods"]
    assert rows[INFERRED]["status"] == "done" and "fwt" not in rows[INFERRED] and "fwt" in rows["sgd"]


@pytest.mark.parametrize(("order", "n"), [("seed", 2), ("null", 1)])
def test_the_floor_is_of_the_seeds_whose_tasks_the_methods_learn(order: str, n: int, tmp_path: Path) -> None:
    sets = [*tiny("digits-cgan"), "scenario.tasks=2", f"scenario.order={order}", "train.steps=2"]
    real = gencl.compare("sgd", (0, 1), tmp_path, "digits-cgan", set=sets, progress="silent")["methods"]["real"]
    floors = [Run(tmp_path / f"sgd/seed-{seed}").metrics["floor"]["fid"] for seed in (0, 1)]
    assert real["fid"]["n"] == n and (floors[0] != floors[1]) == (n == 2)
    assert real["fid"]["mean"] == pytest.approx(fmean(floors))


def test_a_network_that_the_preset_gives_some_methods_only_is_told(tmp_path: Path) -> None:
    results = compare(tmp_path, "sgd,finetune,ewc,ewc:model.heads=class")
    assert results["networks"] == {"model.heads": {"task": ["finetune", "ewc"], "domain": ["sgd"]}}
    told = "etworks differ: model.heads is domain for sgd, and task for the others"
    assert told in comparison_lines(results)[-1]
    assert told in write_comparison(tmp_path).read_text(encoding="utf-8")
