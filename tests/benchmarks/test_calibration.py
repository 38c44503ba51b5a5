"""benchmarks.calibration: gencl's side on the embedded digits, its table, and the other side where it is installed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file

from benchmarks.calibration.__main__ import Calibration, summary, table, write
from benchmarks.calibration.rows import ROWS, Row
from benchmarks.peers.sides import Side, installed, is_installed
from gencl.core.folders import cache_root

FIXED = ("data.validation=0", "train.steps=12", "train.batch_size=16", "train.lr_flat=1", "model.hidden=[16]")

ENVIRONMENT = cache_root() / "avalanche"  # the user's: tests have a cache of their own, in which nothing is installed


def calibration(folder: Path) -> Calibration:
    return Calibration("digits-mlp", FIXED, None, folder)


def weak(row: Row) -> Row:
    """With a strength at which the penalty in the loss does not diverge after so few steps."""
    return row if row.strength is None else replace(row, strength=row.strength / 100)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_gencl_learns_each_row_and_leaves_what_the_other_side_needs(row: Row, tmp_path: Path) -> None:
    bench = calibration(tmp_path)
    if row.measured is not None:
        bench.ours(weak(next(other for other in ROWS if other.name == row.measured)), 0)
    accuracy, job = bench.ours(weak(row), 0)
    tensors = load_file(job["data"])
    assert 0 <= accuracy <= 1
    assert tensors["order.4"].shape == (12, 16)
    assert tensors["weights.head.4.weight"].shape == (2, 16)
    assert int(tensors["train.labels.4"].max()) == (9 if row.heads == "class" else 1)
    if row.variant == "er recorded":
        labels = tensors["batches.labels.4"]
        assert (labels[:, :8] >= 8).all() and (labels[:, 8:] < 8).all()


def test_results_say_which_seeds_and_versions(tmp_path: Path) -> None:
    write(tmp_path / "made" / "here", [summary(ROWS[0], [(0.90, 0.91), (0.94, 0.92)], None)], 2)
    stored = json.loads((tmp_path / "made" / "here" / "results.json").read_text())
    assert stored["seeds"] == [0, 1] and set(stored["versions"]) == {"gencl", "avalanche-lib", "torch"}
    assert stored["rows"][0]["gencl"] == [0.90, 0.94]
    assert "| plain training |" in (tmp_path / "made" / "here" / "results.md").read_text()


def test_a_row_is_the_same_within_the_spread_or_says_which_side_is_better() -> None:
    row = ROWS[0]
    near = summary(row, [(0.90, 0.90), (0.94, 0.94)], None)
    far = summary(row, [(0.50, 0.91), (0.52, 0.92)], 3.0)
    torn = summary(row, [(0.90, 0.91), (0.94, 0.92)], None)
    assert [row["verdict"] for row in (near, far, torn)] == ["same", "worse", "undecided"]
    head, rule, *lines = table([near, far])
    assert len({line.count("|") for line in (head, rule, *lines)}) == 1
    assert lines[0] == "| plain training |  | 92.00 ± 2.83 | 92.00 ± 2.83 | +0.00 (+0.00 to +0.00) | same | nothing |"
    assert "| 3 |" in lines[1] and "| worse |" in lines[1]


@pytest.fixture(scope="module")
def peer() -> Iterator[Side]:
    if not is_installed(ENVIRONMENT):
        pytest.skip("avalanche-lib is absent; `python -m benchmarks.calibration` installs it")
    side = Side(installed(ENVIRONMENT), "-m", "benchmarks.calibration.avalanche_side")
    yield side
    side.close()


@pytest.mark.parametrize("row", [row for row in ROWS if not row.differs], ids=lambda row: row.name)
def test_both_sides_agree_where_nothing_differs_by_design(row: Row, tmp_path: Path, peer: Side) -> None:
    row = calibration(tmp_path).run(weak(row), range(2), peer)
    assert row["difference"]["mean"] == pytest.approx(0, abs=0.02)
