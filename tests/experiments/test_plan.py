"""Dry runs of comparisons and searches: how many runs, and how long; nothing is trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gencl.experiments.plan import _together
from gencl.reports.foreseen import print_plan
from tests.conftest import gencl, tiny

SETS = ["--preset", "digits-mlp", *(part for text in tiny("digits-mlp") for part in ("--set", text))]


def test_a_comparison_counts_what_is_left(tmp_path: Path) -> None:
    compare = ["compare", *SETS, "--seeds", "0-2", "--out", "c", "--dry-run", "--methods"]
    done = gencl(*compare, "sgd,ewc:method.lambda=3,dgr:model.generator=null", cwd=tmp_path)
    assert done.returncode == 1 and "6 runs to train: about " in done.stdout and not any(tmp_path.iterdir())
    assert "dgr:model.generator=null: method dgr cannot serve" in " ".join(done.stdout.split())
    for seed in "01":
        gencl("train", *SETS, "--method", "sgd", "--seed", seed, "--out", f"c/sgd/seed-{seed}", "--json", cwd=tmp_path)
    table = {"schema": 1, "preset": "digits-mlp", "seeds": [0, 1], "methods": {}, "comparisons": {}, "paper": {}}
    (tmp_path / "c" / "results.json").write_text(json.dumps(table))
    tree = json.loads(gencl(*compare, "sgd,ewc", "--jobs", "2", "--json", cwd=tmp_path).stdout)
    assert {label: row["runs"] for label, row in tree["groups"].items()} == {"sgd": 1, "ewc": 3}
    whole = sum(row["runs"] * row["seconds"] for row in tree["groups"].values())
    longest = max(row["seconds"] for row in tree["groups"].values())
    seconds = round(max(longest, whole / 2), 1)
    assert tree["total"] == {"runs": 4, "more": 0, "seconds": seconds, "more_seconds": 0, "jobs": 2}


def test_a_label_may_look_like_markup(capsys: pytest.CaptureFixture[str]) -> None:
    label = "sgd:scenario.domains=[/p/a]"
    total = {"runs": 1, "more": 0, "seconds": 2.0, "more_seconds": 0, "jobs": 1}
    assert print_plan({"groups": {label: {"runs": 1, "seconds": 2.0}}, "total": total}) == 0
    assert label in capsys.readouterr().out


@pytest.mark.parametrize(("jobs", "seconds"), [(1, 70.0), (2, 35.0), (4, 30.0), (16, 30.0)])
def test_no_sum_of_runs_is_shorter_than_the_longest(jobs: int, seconds: float) -> None:
    rows = [{"runs": 4, "seconds": 10.0}, {"runs": 1, "seconds": 30.0}, {"runs": 0, "seconds": 99.0}]
    assert _together(rows, "runs", jobs) == seconds and _together([], "runs", jobs) == 0


def test_a_search_counts_what_may_follow(tmp_path: Path) -> None:
    tune = ["tune", *SETS, "--methods", "sgd,ewc", "--budget", "4", "--widen", "0", "--seeds", "10,11", "--dry-run"]
    done = gencl(*tune, cwd=tmp_path)
    assert done.returncode == 0 and not any(tmp_path.iterdir())
    tree = json.loads(gencl(*tune, "--json", cwd=tmp_path).stdout)
    runs = {method: (row["runs"], row["more"]) for method, row in tree["groups"].items()}
    assert runs == {"sgd": (6, 0), "ewc": (6, 2)}  # three rates; of the grid's points three, then one more
    assert f"{tree['total']['runs']} runs to train" in done.stdout and "at most 2 more may follow" in done.stdout
