"""The tables of the pages are those that results/ makes, and what cannot be made is named."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import figures
import pytest
import reference
import result_tables
import tables
from scipy import stats

from gencl.methods import METHODS


def test_no_page_is_stale(capsys: pytest.CaptureFixture[str]) -> None:
    assert tables.main(check=True) == 0, capsys.readouterr()


@pytest.mark.parametrize("curves", sorted(figures.RESULTS.rglob("curves.csv")), ids=lambda path: path.parent.name)
def test_curves_end_at_the_values_of_their_table(curves: Path) -> None:
    rows = json.loads(curves.with_name("results.json").read_text())["methods"]
    with curves.open() as file:
        ends = {point["method"]: point for point in csv.DictReader(file)}
    for method, point in ends.items():
        value = rows[method]["acc" if point["metric"] == "accuracy" else point["metric"]]
        assert float(point["mean"]) == pytest.approx(value["mean"]) and int(point["n"]) == value["n"], method


@pytest.mark.parametrize("part", ["head", "figures", "settings"])
def test_every_method_has_a_page_with_its_parts(part: str) -> None:
    for name in reference.own(METHODS):
        assert f"<!-- generated: {part} -->" in (figures.ROOT / f"docs/methods/{name}.md").read_text(), name


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one comparison: b is better than a on each of three seeds, though the spread is larger."""
    runs = {
        "joint": {"status": "done", "acc": {"mean": 0.9, "std": 0.01, "n": 3}},
        "a": {"status": "done", "acc": {"mean": 0.5, "std": 0.1, "n": 3, "values": [0.4, 0.5, 0.6]}},
        "b": {"status": "done", "acc": {"mean": 0.521, "std": 0.1, "n": 3, "values": [0.42, 0.521, 0.622]}},
        "c": {"status": "done", "acc": {"mean": 0.522, "std": 0.1, "n": 3}},
        "one": {"status": "done", "acc": {"mean": 0.1, "std": None, "n": 1}},
    }
    paper = {"a": {"acc": 0.7, "source": "Table 9"}}
    content = {"schema": 1, "preset": "p", "seeds": [0, 1, 2], "methods": runs, "paper": paper}
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    monkeypatch.setattr(figures, "RESULTS", tmp_path / "results")
    folder = tmp_path / "results" / "few"
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps(content))
    return tmp_path


def test_a_block_is_filled_again(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = results / "README.md"
    page.write_text("Before.\n<!-- table: few | a, joint | acc, published acc -->\nold\n<!-- end -->\nAfter.\n")
    assert tables.main(check=True) == 1 and "README.md: stale" in capsys.readouterr().out
    assert tables.main(check=False) == 0 == tables.main(check=True)
    text = page.read_text()
    assert "old" not in text and text.startswith("Before.\n") and text.endswith("After.\n")
    assert "| `a` | 50.00 ± 10.00 | 70.00 |\n| `joint` | 90.00 ± 1.00 |  |\n" in text
    assert "over seeds 0-2. Published: Table 9." in text and "(results/few/results.md)" in text


def test_all_rows_best_first(results: Path) -> None:
    lines = result_tables.table("few", columns=["acc"]).splitlines()
    assert [line.split("`")[1] for line in lines[2:7]] == ["joint", "c", "b", "a", "one"]
    assert "`one` (n = 1)" in lines[6]


@pytest.mark.parametrize(
    "what, named",
    [
        (("many", "", "acc"), "no file results/many/results.json"),
        (("few", "jiont", "acc"), "do you mean 'joint'?"),
        (("few", "a", "fid"), "none of the rows has 'fid'"),
        (("few", "a", ""), "name the columns"),
    ],
)
def test_what_is_missing_is_named(
    results: Path, what: tuple[str, str, str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / "README.md").write_text(f"<!-- table: {' | '.join(what)} -->\n<!-- end -->\n")
    assert tables.main(check=False) == 1
    assert named in capsys.readouterr().err


def test_a_difference_is_paired_where_every_seed_is_known(results: Path) -> None:
    low, high = figures.interval("few/b", "few/a", "acc") or (0, 0)
    expected = stats.ttest_rel([0.42, 0.521, 0.622], [0.4, 0.5, 0.6]).confidence_interval()
    assert (low, high) == pytest.approx((expected.low, expected.high))
    assert figures.better("few/b", "few/a", "acc") is True and figures.better("few/a", "few/b", "acc") is False


def test_a_difference_of_means_is_welchs(results: Path) -> None:
    low, high = figures.interval("few/joint", "few/a", "acc") or (0, 0)
    expected = stats.ttest_ind([0.89, 0.9, 0.91], [0.4, 0.5, 0.6], equal_var=False).confidence_interval()
    assert (low, high) == pytest.approx((expected.low, expected.high))
    assert figures.better("few/c", "few/a", "acc") is None  # the same means as b's, but no pairs


def test_one_seed_says_nothing(results: Path) -> None:
    assert figures.interval("few/joint", "few/one", "acc") is None
    assert figures.better("few/joint", "few/one", "acc") is None
