"""The search: what is tried, how it is scored, and what is written."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
import yaml

import gencl
from gencl import presets
from gencl.errors import UsageError
from gencl.methods import METHODS
from gencl.training.search import Experiment, parse_grid, searches, thinned
from gencl.training.tune import found_yaml
from tests.conftest import gencl as run_gencl
from tests.conftest import tiny

DIGITS = Experiment("digits-mlp", None, tuple(tiny("digits-mlp")))


def test_a_small_grid_is_tried_whole_and_a_large_one_evenly() -> None:
    points = list(itertools.product(range(3), range(2)))
    assert thinned(points, [3, 2], 6) == points
    line = [(i,) for i in range(10)]
    assert thinned(line, [10], 1) == [(4,)] and thinned(line, [10], 1, (7,)) == [(7,)]
    assert thinned(line, [10], 4, (3,)) == [(0,), (3,), (6,), (9,)]
    square = list(itertools.product(range(4), range(4)))
    found = thinned(square, [4, 4], 4)
    assert found == thinned(square, [4, 4], 4)
    for axis in (0, 1):  # every value of each setting once
        assert sorted(point[axis] for point in found) == [0, 1, 2, 3]


def test_the_present_settings_are_among_the_candidates() -> None:
    (search,), _ = searches(["ewc"], ["lambda=0.01,0.1,1,10,100"], DIGITS, 2)
    assert {"lambda": 1} in search.candidates and len(search.candidates) == 2  # ewc's default
    (search,), _ = searches(["ewc"], ["lambda=3,4"], DIGITS, 1)
    assert len(search.candidates) == 1


def test_grids_are_for_all_methods_for_one_or_for_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METHODS.get("mas"), "grid", {"lambda": (1, 5)})
    grids = ["lambda=0.5,2", "anpyc.prune=0,50", "train.lr=0.1,2x", "sgd.train.momentum=0.5"]
    found, skipped = searches(["sgd", "ewc", "anpyc", "mas+ewc"], grids, DIGITS, 100)
    assert not skipped
    assert {search.method: search.grid for search in found} == {
        "sgd": {"train.lr": [0.1], "train.momentum": [0.5]},  # 2x of the preset's 0.05 is 0.1 as well
        "ewc": {"lambda": [0.5, 2.0], "train.lr": [0.1]},
        "anpyc": {"lambda": [0.5, 2.0], "prune": [0.0, 50.0], "train.lr": [0.1]},
        "mas+ewc": {"mas.lambda": [0.5, 2.0], "ewc.lambda": [0.5, 2.0], "train.lr": [0.1]},
    }
    assert found[1].variants()[0].label == "ewc:method.lambda=0.5:train.lr=0.1"
    own, skipped = searches(["mas", "joint"], [], DIGITS, 6)
    assert own[0].grid == {"lambda": [1.0, 5.0]} and skipped == ["joint"]


def test_values_are_yaml_and_brackets_hold_together() -> None:
    assert parse_grid("train.betas=[0.5,0.9],[0.9,0.99]") == ("train.betas", [[0.5, 0.9], [0.9, 0.99]])
    assert parse_grid("method.samples=null,1e-3") == ("samples", [None, 1e-3])


@pytest.mark.parametrize(
    ("methods", "grid", "message"),
    [
        ("ewc", "lamda=1", "did you mean lambda"),
        ("ewc", "ewc.lamda=1", "did you mean lambda"),
        ("ewc", "mas.lambda=1", "mas is not among --methods ewc"),
        ("ewc", "train.lrr=1", "did you mean train.lr"),
        ("ewc", "data.limit=10", "change what is measured"),
        ("ewc", "lambda=", "holds no values"),
        ("ewc", "lambda=1,,2", "a value is missing"),
        ("ewc", "lambda", "KEY=V1,V2"),
        ("ewc", "lambda=-1", "method.lambda"),
        ("ewc", "lambda={a: 1, a: 2}", "YAML"),
        ("sgd,joint", None, "nothing to tune for sgd, joint"),
        ("sgd:train.lr=1", None, "plain names"),
        ("ecw", None, "did you mean ewc"),
        ("ewc,ewc", "lambda=1", "twice"),
    ],
)
def test_wrong_grids(methods: str, grid: str | None, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        gencl.tune(methods, [grid] if grid else [], out=tmp_path / "t", preset="digits-mlp", progress="silent")
    assert not (tmp_path / "t").exists()


def test_wrong_budget_and_split(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--budget 0"):
        gencl.tune("ewc", ["lambda=1"], 0, out=tmp_path / "t", progress="silent")
    with pytest.raises(UsageError, match="always chooses on validation images"):
        gencl.tune("ewc", ["lambda=1"], out=tmp_path / "t", set=["evaluate.split=test"], progress="silent")


def test_a_search_scores_on_validation_images_and_leaves_a_block_for_the_preset(tmp_path: Path) -> None:
    out = tmp_path / "t"
    sets = [part for text in tiny("digits-mlp") for part in ("--set", text)]
    command = ["tune", "--preset", "digits-mlp", *sets, "--methods", "joint,ewc,sgd", "--grid", "ewc.lambda=0.1,1"]
    command += ["--grid", "sgd.train.lr=0.05,1e30", "--set", "data.validation=0", "--out", out]
    done = run_gencl(*command)
    assert done.returncode == 0, done.stderr
    assert "0.1 of the training images are kept apart" in done.stderr and "joint: nothing to tune" in done.stderr
    assert "at the edge of its grid" in done.stdout and str(out / "found.yaml") in done.stdout
    found = json.loads((out / "tune.json").read_text())
    assert found["metric"] == "acc" and found["seeds"] == [10] and found["split"] == "validation"
    good, diverged = found["methods"]["sgd"]["search"]
    assert found["methods"]["sgd"]["best"] == {"train.lr": 0.05} and good["status"] == "done"
    assert diverged["status"] == "failed" and diverged["score"] is None and "became" in diverged["error"]
    ewc = found["methods"]["ewc"]
    assert ewc["score"] == max(row["score"] for row in ewc["search"]) and ewc["edge"] == ["lambda"]
    run = gencl.load_run(out / "sgd_train.lr=0.05" / "seed-10")
    assert run.settings.evaluate.split == "validation" and run.settings.data.validation == 0.1
    assert run.metrics["summary"]["acc"] == good["score"]
    assert "| **0.05** |" in (out / "tune.md").read_text()
    mine = tmp_path / "mine.yaml"
    mine.write_text((out / "found.yaml").read_text() + "preset: mine\nmodel: {name: mlp}\n")
    assert presets.resolve(config=mine, method="sgd").train.lr == 0.05
    assert presets.resolve(config=mine, method="ewc").method["lambda"] == ewc["best"]["lambda"]
    before = run.path.stat().st_mtime_ns
    again = run_gencl(*command, "--json")
    assert json.loads(again.stdout) == found and run.path.stat().st_mtime_ns == before


def test_generators_are_scored_by_distance_and_all_failed_is_said(tmp_path: Path) -> None:
    found = gencl.tune(
        "dgr,sgd", ["dgr.share=0.25,0.75", "sgd.train.lr=1e30"], out=tmp_path / "t", set=tiny("digits-cgan"),
        progress="silent",
    )  # fmt: skip
    assert found["metric"] == "fid_first_half" and found["better"] == "lower"
    scores = [row["score"] for row in found["methods"]["dgr"]["search"]]
    assert found["methods"]["dgr"]["score"] == min(scores)
    assert found["methods"]["sgd"]["best"] is None and "sgd" not in found_yaml(found)


def test_composed_methods_get_a_block_of_blocks(tmp_path: Path) -> None:
    best = {"mas.lambda": 3.0, "dgr.share": 0.25, "train.lr": 0.01}
    found = {"metric": "fid", "seeds": [10], "budget": 6, "methods": {"mas+dgr": {"best": best}}}
    block = yaml.safe_load(found_yaml(found))["methods"]["mas+dgr"]
    assert block == {"mas": {"lambda": 3.0}, "dgr": {"share": 0.25}, "train.lr": 0.01}
    mine = tmp_path / "mine.yaml"
    mine.write_text(found_yaml(found))
    settings = presets.resolve(config=mine, method="mas+dgr")
    assert settings.method["mas"]["lambda"] == 3 and settings.train.lr == 0.01
