"""The search: what is tried, how it is scored, and what is written."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import gencl
from gencl import presets
from gencl.core.errors import UsageError
from gencl.experiments.grid import parse_grid
from gencl.experiments.search import Experiment, searches, thinned
from gencl.experiments.tune import methods_block
from gencl.methods import METHODS
from gencl.reports.tuning import search_markdown
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
    chosen = thinned(square, [4, 4], 4)
    assert chosen == thinned(square, [4, 4], 4)
    assert thinned(square, [4, 4], 1, (None, 3)) == [(1, 3)]
    for axis in (0, 1):  # every value of each setting once
        assert sorted(point[axis] for point in chosen) == [0, 1, 2, 3]


def test_the_present_settings_are_among_the_candidates() -> None:
    (search,) = searches(["ewc"], ["lambda=0.01,0.1,1,10,100"], DIGITS, 2)
    assert {"lambda": 100, "train.lr": 0.02} in search.candidates and len(search.candidates) == 2  # the preset's
    (search,) = searches(["ewc"], ["lambda=3,4"], DIGITS, 1)
    assert [candidate["train.lr"] for candidate in search.candidates] == [0.02]  # as far as they are in the grid


def test_grids_are_for_all_methods_for_one_or_for_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METHODS.get("mas"), "grid", {"lambda": (1, 5)})
    grids = ["lambda=0.5,2", "anpyc.prune=0,50", "train.lr=0.1,2x", "sgd.train.momentum=0.5"]
    wanted = searches(["sgd", "ewc", "anpyc", "mas+ewc"], grids, DIGITS, 100)
    assert {search.method: search.grid for search in wanted} == {
        "sgd": {"train.lr": [0.1], "train.momentum": [0.5]},  # 2x of the preset's 0.05 is 0.1 as well
        "ewc": {"lambda": [0.5, 2.0], "train.lr": [0.04, 0.1]},  # 2x of the 0.02 that the preset has for it
        "anpyc": {"lambda": [0.5, 2.0], "prune": [0.0, 50.0], "train.lr": [0.1]},
        "mas+ewc": {"mas.lambda": [0.5, 2.0], "ewc.lambda": [0.5, 2.0], "train.lr": [0.04, 0.1]},
    }
    assert wanted[1].variants()[0].label == "ewc:method.lambda=0.5:train.lr=0.04"
    rates = [0.02, 0.05, 0.125]  # 0.4, 1 and 2.5 times the preset's
    defaults = searches(["mas", "joint"], [], DIGITS, 6)
    assert [search.grid for search in defaults] == [{"lambda": [1.0, 5.0], "train.lr": rates}, {"train.lr": rates}]
    (search,) = searches(["joint"], ["train.lr=1x"], DIGITS, 6)
    assert search.candidates == [{"train.lr": 0.05}]


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
        ("sgd:train.lr=1", None, "plain names"),
        ("ecw", None, "did you mean ewc"),
        ("ewc,ewc", "lambda=1", "twice"),
    ],
)
def test_wrong_grids(methods: str, grid: str | None, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        gencl.tune(methods, [grid] if grid else [], out=tmp_path / "t", preset="digits-mlp", progress="silent")
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize("variant", ["ewc:method.lambda=3", "anpyc:method.layers=[1,2]"])
def test_a_variant_is_refused_with_and_without_a_folder(variant: str, tmp_path: Path) -> None:
    for more in ([], ["--out", "t"]):
        done = run_gencl("tune", "--preset", "digits-mlp", "--methods", variant, *more, cwd=tmp_path)
        assert done.returncode == 2 and f"--methods: {variant!r} is a variant; tune takes plain names" in done.stderr
        assert len(done.stderr.splitlines()) == 1 and not any(tmp_path.iterdir())


def test_wrong_budget_and_split(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--budget 0"):
        gencl.tune("ewc", ["lambda=1"], 0, out=tmp_path / "t", progress="silent")
    with pytest.raises(UsageError, match="--widen -1"):
        gencl.tune("ewc", ["lambda=1"], widen=-1, out=tmp_path / "t", progress="silent")
    with pytest.raises(UsageError, match="always chooses on validation images"):
        gencl.tune("ewc", ["lambda=1"], out=tmp_path / "t", set=["evaluate.split=test"], progress="silent")


def test_a_search_scores_on_validation_images_and_leaves_a_block_for_the_preset(tmp_path: Path) -> None:
    out = tmp_path / "t"
    sets = [part for text in tiny("digits-mlp") for part in ("--set", text)]
    command = ["tune", "--preset", "digits-mlp", *sets, "--methods", "ewc,sgd", "--grid", "ewc.lambda=0.1,1"]
    command += ["--grid", "ewc.train.lr=1x", "--grid", "sgd.train.lr=0.05,1e30", "--set", "data.validation=0"]
    command += ["--widen", "0", "--seeds", "10", "--out", out]
    done = run_gencl(*command)
    assert done.returncode == 0, done.stderr
    assert "0.1 of the training images are kept apart" in done.stderr
    assert "is at an end of its values: widening is off" in done.stdout and str(out / "found.yaml") in done.stdout
    summary = json.loads((out / "tune.json").read_text())
    assert summary["metric"] == "acc" and summary["seeds"] == [10] and summary["split"] == "validation"
    good, diverged = summary["methods"]["sgd"]["search"]
    assert summary["methods"]["sgd"]["best"] == {"train.lr": 0.05} and good["status"] == "done"
    assert diverged["status"] == "failed" and diverged["score"] is None and "became" in diverged["error"]
    ewc = summary["methods"]["ewc"]
    assert ewc["score"] == max(row["score"] for row in ewc["search"]) and ewc["edge"] == {"lambda": "limit"}
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
    assert json.loads(again.stdout) == summary and run.path.stat().st_mtime_ns == before


def test_generators_are_scored_by_distance_and_all_failed_is_said(tmp_path: Path) -> None:
    summary = gencl.tune(
        "dgr,sgd", ["dgr.share=0.25,0.75", "dgr.train.lr=1x", "sgd.train.lr=1e30"], seeds=[10], out=tmp_path / "t",
        widen=0, set=tiny("digits-cgan"), progress="silent",
    )  # fmt: skip
    assert summary["metric"] == "fid" and summary["better"] == "lower"
    scores = [row["score"] for row in summary["methods"]["dgr"]["search"]]
    assert summary["methods"]["dgr"]["score"] == min(scores)
    assert summary["methods"]["sgd"]["best"] is None and "became" in summary["methods"]["sgd"]["error"]
    text = (tmp_path / "t" / "found.yaml").read_text()
    assert text == methods_block(summary) and [*yaml.safe_load(text)["methods"]] == ["dgr"]
    assert "seed 10, by the best mean fid (lower is better); at most 9 candidates" in text
    assert "# sgd: nothing was chosen, every candidate failed: " in text


def test_a_search_widens_its_grid_and_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    def search(out: str, widen: int, *more: str) -> dict[str, Any]:
        grid = ["train.lr=0.0001,0.001"]  # six steps of these learn nothing: the best is above
        where = {"out": tmp_path / out, "preset": "digits-mlp", "set": [*tiny("digits-mlp"), *more]}
        return gencl.tune("finetune", grid, seeds=[10, 11], widen=widen, progress="silent", **where)

    first = search("stopped", 0)["methods"]["finetune"]
    assert first["best"] == {"train.lr": 0.001} and first["edge"] == {"train.lr": "limit"} and first["rounds"] == 0
    kept = tmp_path / "stopped" / "finetune_train.lr=0.001" / "seed-10" / "metrics.json"
    half = tmp_path / "stopped" / "finetune_train.lr=0.01" / "seed-10"  # stopped in the middle of a round
    config = ["train.lr=0.01", "data.validation=0.1", "evaluate.split=validation", *tiny("digits-mlp")]
    gencl.train("digits-mlp", "finetune", seed=10, out=half, set=config, progress="silent")
    before = [path.stat().st_mtime_ns for path in (kept, half / "metrics.json")]
    widened = search("stopped", 2)
    assert [path.stat().st_mtime_ns for path in (kept, half / "metrics.json")] == before
    row = widened["methods"]["finetune"]
    assert row["rounds"] == 2 or row["edge"] == {}
    assert row["grid"]["train.lr"][:3] == [0.0001, 0.001, 0.01] and row["std"] is not None
    assert [tried["round"] for tried in row["search"]][:3] == [0, 0, 1]
    results = json.loads((tmp_path / "stopped" / "results.json").read_text())
    assert len(results["methods"]) == len(row["search"])
    assert search("whole", 2) == widened


def test_composed_methods_get_a_block_of_blocks(tmp_path: Path) -> None:
    best = {"mas.lambda": 3.0, "dgr.share": 0.25, "train.lr": 0.01}
    rule = {"metric": "fid", "better": "lower", "seeds": [10], "budget": 6, "widen": 3}
    summary = {**rule, "methods": {"mas+dgr": {"best": best, "edge": {}}}}
    block = yaml.safe_load(methods_block(summary))["methods"]["mas+dgr"]
    assert block == {"mas": {"lambda": 3.0}, "dgr": {"share": 0.25}, "train.lr": 0.01}
    mine = tmp_path / "mine.yaml"
    mine.write_text(methods_block(summary))
    settings = presets.resolve(config=mine, method="mas+dgr")
    assert settings.method["mas"]["lambda"] == 3 and settings.train.lr == 0.01


def test_a_search_in_which_all_failed_says_that_nothing_chose() -> None:
    row = {"best": None, "error": "out of memory", "edge": {}, "grid": {"train.lr": [0.1]}, "rounds": 0, "search": []}
    summary = {
        "preset": "x", "metric": None, "better": "higher", "seeds": [10], "budget": 9, "widen": 3, "validation": 0.1,
        "features": {}, "methods": {"sgd": row},
    }  # fmt: skip
    for text in (search_markdown(summary, "gencl tune"), methods_block(summary)):
        assert "None" not in text and ("no candidate has one" in text or "every candidate failed" in text)


def test_settings_of_the_methods_searched_and_of_absent_blocks_need_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sets = [*tiny("digits-mlp"), "method.steepest=200"]
    planned = gencl.tune(
        "hat", ["train.lr=0.1"], 1, (0,), preset="digits-mlp", set=sets, dry_run=True, progress="silent"
    )
    assert planned
    experiment = Experiment("digits-mlp", None, ())
    assert experiment.values("sgd", ["model.generator.name", "train.batch_size"])[0] is None


def test_a_setting_is_searched_over_one_grid_and_that_of_a_method_goes_first() -> None:
    of_method = ["ewc.lambda=1,10", "lambda=0.1,5"]
    for grids in (of_method, of_method[::-1]):
        chosen = searches(["ewc", "mas"], [*grids, "train.lr=0.1"], DIGITS, 4)
        assert [search.grid["lambda"] for search in chosen] == [[1, 10], [0.1, 5]]
    with pytest.raises(UsageError, match=r"--grid lambda=\.\.\.: is there twice"):
        searches(["ewc"], ["lambda=1", "lambda=2,3"], DIGITS, 4)
    with pytest.raises(UsageError, match=r"^--grid lambda=-1: method\.lambda: must be greater than or equal"):
        searches(["ewc"], ["lambda=1,-1"], DIGITS, 4)


def test_the_search_of_another_method_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(json.dumps({"preset": "digits-mlp"}))
    (tmp_path / "tune.json").write_text(json.dumps({"methods": {"ewc": {}}}))
    with pytest.raises(UsageError, match=r"holds a search of ewc; choose another --out, .* --methods ewc,mas"):
        gencl.tune("mas", preset="digits-mlp", out=tmp_path, set=tiny("digits-mlp"), progress="silent")
