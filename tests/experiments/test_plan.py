"""Dry runs of comparisons and searches: how many runs, and how long; nothing is trained."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import gencl, tiny

SETS = ["--preset", "digits-mlp", *(part for text in tiny("digits-mlp") for part in ("--set", text))]


def test_a_comparison_counts_what_is_left(tmp_path: Path) -> None:
    compare = ["compare", *SETS, "--seeds", "0-2", "--out", "c", "--dry-run", "--methods"]
    done = gencl(*compare, "sgd,ewc:method.lambda=3,dgr:model.generator=null", cwd=tmp_path)
    assert done.returncode == 0 and "9 runs to train: about " in done.stdout and not any(tmp_path.iterdir())
    assert "dgr:model.generator=null: method dgr cannot serve" in " ".join(done.stdout.split())
    for seed in "01":
        gencl("train", *SETS, "--method", "sgd", "--seed", seed, "--out", f"c/sgd/seed-{seed}", "--json", cwd=tmp_path)
    table = {"schema": 1, "preset": "digits-mlp", "seeds": [0, 1], "methods": {}, "comparisons": {}, "paper": {}}
    (tmp_path / "c" / "results.json").write_text(json.dumps(table))
    tree = json.loads(gencl(*compare, "sgd,ewc", "--jobs", "2", "--json", cwd=tmp_path).stdout)
    assert {label: row["runs"] for label, row in tree["groups"].items()} == {"sgd": 1, "ewc": 3}
    whole = sum(row["runs"] * row["seconds"] for row in tree["groups"].values())
    assert tree["total"] == {"runs": 4, "more": 0, "seconds": round(whole / 2, 1), "more_seconds": 0, "jobs": 2}


def test_a_search_counts_what_may_follow(tmp_path: Path) -> None:
    tune = ["tune", *SETS, "--methods", "sgd,ewc", "--budget", "4", "--widen", "0", "--seeds", "10,11", "--dry-run"]
    done = gencl(*tune, cwd=tmp_path)
    assert done.returncode == 0 and not any(tmp_path.iterdir())
    tree = json.loads(gencl(*tune, "--json", cwd=tmp_path).stdout)
    runs = {method: (row["runs"], row["more"]) for method, row in tree["groups"].items()}
    assert runs == {"sgd": (6, 0), "ewc": (6, 2)}  # three rates; of the grid's points three, then one more
    assert f"{tree['total']['runs']} runs to train" in done.stdout and "at most 2 more may follow" in done.stdout
