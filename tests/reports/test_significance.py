"""Intervals, paired tests and ties, against numbers worked out by hand and scipy's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from scipy import stats

from gencl.methods.serving import default_baseline
from gencl.reports import ties
from gencl.reports.significance import compared, difference, holm, of_seeds

ONE = [0.90, 0.92, 0.94, 0.95, 0.99]
OTHER = [0.80, 0.85, 0.90, 0.86, 0.84]


def test_a_mean_has_students_interval() -> None:
    """By hand: of 1, 2, 3 the mean is 2, s = 1, t(0.975, 2) = 4.3027, so 2 ± 4.3027 / sqrt(3)."""
    row = of_seeds([1.0, None, 2.0, 3.0])
    assert row["mean"] == 2 and row["std"] == 1 and row["n"] == 3 and row["values"] == [1.0, None, 2.0, 3.0]
    low, high = row["ci95"]
    assert abs(low - (2 - 4.3027 / math.sqrt(3))) < 1e-3 and abs(high - (2 + 4.3027 / math.sqrt(3))) < 1e-3
    alone = of_seeds([5.0])
    assert alone["std"] is None and alone["ci95"] is None and alone["n"] == 1


def test_paired_differences_are_scipys() -> None:
    paired = difference(ONE, OTHER)
    assert paired["n"] == 5 and abs(paired["mean"] - 0.09) < 1e-12
    assert math.isclose(paired["t_p"], stats.ttest_rel(ONE, OTHER).pvalue, rel_tol=1e-6)
    assert paired["wilcoxon_p"] == 0.0625  # the least that five pairs can give
    low, high = stats.ttest_rel(ONE, OTHER).confidence_interval()
    assert math.isclose(paired["ci95"][0], low, rel_tol=1e-6) and math.isclose(paired["ci95"][1], high, rel_tol=1e-6)


def test_only_common_seeds_are_paired() -> None:
    paired = difference([1.0, None, 3.0, 5.0], [0.0, 9.0, 1.0, None])
    assert paired["n"] == 2 and paired["mean"] == 1.5
    lonely = difference([1.0, None], [None, 2.0])
    assert lonely["n"] == 0 and lonely["mean"] is lonely["ci95"] is lonely["t_p"] is lonely["wilcoxon_p"] is None


def test_differences_without_spread_are_certain() -> None:
    assert difference([1.0, 1.0, 1.0], [1.0, 1.0, 1.0])["t_p"] == 1
    assert difference([2.0, 2.0, 2.0], [1.0, 1.0, 1.0])["t_p"] == 0


def test_scores_that_differ_only_in_rounding_are_equal() -> None:
    one, other = [0.1 + 0.2 + 0.3] * 3, [0.3 + 0.2 + 0.1] * 3
    assert one != other
    paired = difference(one, other)
    assert paired["mean"] == 0 and paired["t_p"] == paired["wilcoxon_p"] == 1


def test_wilcoxons_test_with_equal_differences_by_hand() -> None:
    """Of the 2^5 signs of five equal differences, two are as far from the middle as all plus."""
    assert difference([3.0] * 5, [1.0] * 5)["wilcoxon_p"] == pytest.approx(2 / 32)
    mixed = [1.0, 2.0, 2.0, -1.0, 0.0, 4.0]
    assert difference(mixed, [0.0] * 6)["wilcoxon_p"] == pytest.approx(stats.wilcoxon([1, 2, 2, -1, 4]).pvalue)


def test_holms_correction_by_hand() -> None:
    """0.01 x 3; 0.02 x 2 = 0.04; 0.03 x 1, but not below the one before."""
    assert holm([0.03, None, 0.01, 0.02]) == pytest.approx([0.04, None, 0.03, 0.04])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])


def results(**methods: Sequence[float | None]) -> dict[str, Any]:
    rows = {name: {"status": "done", "acc": of_seeds(values)} for name, values in methods.items()}
    seeds = list(range(len(next(iter(methods.values())))))
    return {"seeds": seeds, "methods": rows, "comparisons": ties.comparisons(rows, "low"), "baseline": "low"}


def test_bold_is_only_what_is_better_beyond_ties() -> None:
    close = [value + shift for value, shift in zip(ONE, (0.001, -0.002, 0.001, -0.001, 0.0005), strict=True)]
    compared = results(joint=[1.0] * 5, best=ONE, low=OTHER)
    assert [ties.mark(compared, "acc", name) for name in ("joint", "best", "low")] == ["", "best", ""]
    compared = results(joint=[1.0] * 5, best=ONE, close=close, low=OTHER)
    assert [ties.mark(compared, "acc", name) for name in ("joint", "best", "close", "low")] == ["", "tied", "tied", ""]
    assert "Bold: better than every other method" in ties.legend(compared)[0]
    assert "0.0625" in ties.legend(compared)[-1]  # of Wilcoxon's test with five seeds
    rows = ties.difference_rows(compared, "acc")
    assert [row[0] for row in rows] == ["joint", "best", "close", "low"]
    assert all(len(row) == len(ties.difference_heads(compared)) for row in rows)


def test_one_seed_marks_nothing_and_says_why() -> None:
    compared = results(best=[0.9], low=[0.1])
    assert not ties.mark(compared, "acc", "best") and "one seed" in ties.legend(compared)[0]
    assert not ties.shown_differences(compared)


def test_a_method_that_failed_leaves_nothing_to_test_and_the_legend_says_so() -> None:
    compared = results(best=[0.9, 0.8])
    compared["methods"]["low"] = {"status": "failed", "error": "a loss became nan"}
    assert ties.legend(compared) == ["Nothing is bold: no figure is there of two methods."]


def test_methods_without_seeds_in_common_are_neither_tied_nor_told_apart() -> None:
    compared = results(best=[0.9, None, 0.95, None], low=[None, 0.1, None, 0.2])
    assert compared["comparisons"]["acc"]["to_best"]["low"]["tied"] is None
    assert [ties.mark(compared, "acc", name) for name in ("best", "low")] == ["", ""]
    assert "fewer than two seeds in common" in ties.legend(compared)[1]


def test_variants_of_joint_training_do_not_compete() -> None:
    compared = results(best=ONE, low=OTHER, **{"joint:train.lr=0.1": [1.0] * 5})
    assert compared["comparisons"]["acc"]["best"] == "best"
    assert set(compared["comparisons"]["acc"]["to_best"]) == {"low"}


def test_of_a_distance_the_lowest_is_best() -> None:
    assert compared({"a": [1.0, 2.0], "b": [3.0, 4.5]}, "lower", ["a", "b"], None)["best"] == "a"


def test_plain_training_is_the_baseline_and_that_with_a_head_per_task_first() -> None:
    assert default_baseline(["ewc", "sgd", "finetune"]) == "finetune"
    assert default_baseline(["sgd:train.lr=1", "sgd"]) == "sgd"
    assert default_baseline(["ewc", "joint", "real"]) is None


def test_a_method_that_wins_where_both_have_seeds_is_not_called_worse() -> None:
    one: list[float | None] = [0.5, 0.5, 0.5, 0.90, 0.91, 0.92]
    other: list[float | None] = [None, None, None, 0.80, 0.81, 0.8201]
    found = compared({"one": one, "other": other}, "higher", ["one", "other"], None)
    assert found["best"] == "other" and found["to_best"]["one"]["t_p_holm"] < 0.05
    assert found["to_best"]["one"]["tied"] is None
