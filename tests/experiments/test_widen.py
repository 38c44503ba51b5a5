"""Where a search goes from its best candidate; nothing is trained."""

from __future__ import annotations

import math

import pytest

from gencl.core.train_settings import TrainSettings
from gencl.experiments.choice import best_of, metric_of
from gencl.experiments.search import Experiment, Search, searches
from gencl.experiments.widen import Limits, Values, beyond, ends, limits_of, most, neighbours, widened
from gencl.methods import METHODS
from tests.conftest import tiny

DIGITS = Experiment("digits-mlp", None, tuple(tiny("digits-mlp")))
UNIT = Limits(0, 1, True, True)


def test_limits_are_those_of_the_settings_fields() -> None:
    assert limits_of(METHODS.get("ewc").Settings, "lambda") == Limits(0, 1e12)
    assert limits_of(METHODS.get("dgr").Settings, "share") == UNIT
    assert limits_of(METHODS.get("anpyc").Settings, "prune") == Limits(0, 100, high_open=True)  # a number or a list
    assert limits_of(TrainSettings, "lr") == Limits(0, math.inf, low_open=True)
    assert limits_of(TrainSettings, "optimizer") == limits_of(TrainSettings, "nothing") == Limits()


@pytest.mark.parametrize(
    ("values", "upward", "limits", "expected"),
    [
        ([0.01, 0.1, 1.0], True, Limits(0), 10),
        ([0.01, 0.1, 1.0], False, Limits(0), 0.001),
        ([0.02, 0.05, 0.125], True, Limits(0), 0.3125),
        ([1e-4, 1e-5], False, Limits(0), 1e-6),  # in any order
        ([0.001, 0.002], True, Limits(0), 0.004),
        ([1.0, 1.5], True, Limits(0), 2),  # less than a factor of 2: by the difference
        ([0.25, 0.5, 0.75], True, UNIT, 0.875),
        ([0.25, 0.5, 0.75], False, UNIT, 0.125),
        ([50.0, 75.0, 85.0], True, Limits(0, 100, True, True), 92.5),
        ([0.0005, 0.002], True, Limits(0, 1, high_open=True), 0.008),
        ([10.0, 100.0], True, Limits(0, 500), 300),
        ([10.0, 500.0], True, Limits(0, 500), None),
        ([0.0, 1.0], False, Limits(0), None),
        ([0.0, 1.0], False, Limits(), -1),
        ([16, 64, 256], True, Limits(1), 1024),
        ([1, 2], False, Limits(1), None),
        ([2, 3], False, Limits(2), None),
        ([2, 3, 6], False, Limits(1), 1),
    ],
)
def test_a_grid_is_continued_within_the_settings_limits(
    values: list[float], upward: bool, limits: Limits, expected: float | None
) -> None:
    assert beyond(values, upward, limits) == (None if expected is None else pytest.approx(expected))


def test_only_numbers_have_ends() -> None:
    grid = {
        "lambda": [1.0, 10.0],
        "fisher": ["exact", "sampled"],
        "samples": [None, 5],
        "train.lr": [0.1],
        "t": [1, 2, 3],
    }
    assert ends(grid, {"lambda": 10.0, "fisher": "exact", "samples": 5, "train.lr": 0.1, "t": 2}) == ["lambda"]
    assert most(grid) == 3


def test_the_best_point_is_moved_along_each_axis_and_along_all() -> None:
    grid = {"a": [1.0, 10.0], "b": [1.0, 10.0], "c": [1.0, 10.0, 100.0]}
    best = {"a": 10.0, "b": 1.0, "c": 10.0}
    limits = dict.fromkeys(grid, Limits(0))
    wider, candidates = widened(grid, best, limits, lambda key, value: True)
    assert wider == {"a": [1, 10, 100], "b": [0.1, 1, 10], "c": [1, 10, 100]}
    assert candidates == [{**best, "a": 100}, {**best, "b": 0.1}, {"a": 100, "b": 0.1, "c": 10}]
    assert widened(grid, best, limits, lambda key, value: key == "b")[1] == [{**best, "b": 0.1}]
    assert widened(grid, best, limits, lambda key, value: False) == (grid, [])
    assert {"a": 1.0, "b": 1.0, "c": 10.0} in neighbours(grid, best) and len(neighbours(grid, best)) == 4


def settled(search: Search, best: Values) -> list[int]:
    """Lets one point be the best to the end of the search; returns how many candidates each round added."""
    while search.advance(best if best in search.candidates else search.candidates[-1]):
        pass
    numbers = [number for number, _ in search.trials]
    return [numbers.count(number) for number in range(max(numbers) + 1)]


def test_every_method_searches_the_learning_rate_within_one_budget() -> None:
    wanted = searches(["joint", "mas", "clnp"], [], DIGITS, 9, 2)
    assert [len(search.candidates) for search in wanted] == [3, 6, 6]  # a part is left for the best's neighbours
    for search in wanted:
        rate = 0.02 if search.method == "clnp" else 0.05
        assert search.grid["train.lr"] == pytest.approx([0.4 * rate, rate, 2.5 * rate])
        present = {"lambda": 1.0, "l1": 1e-5, "margin": 0.0005, "train.lr": rate}
        inside = {key: present[key] for key in search.grid}
        middle = search.grid.keys() != {"l1", "margin", "train.lr"}
        counts = settled(search, inside)
        assert counts[0] == (3 if search.method == "joint" else 9)
        assert (len(counts) == 1) == middle  # clnp's best margin is at an end
        assert search.ended and search.at_most() == 0


def test_a_search_is_widened_until_inside_or_at_a_bound_or_out_of_rounds() -> None:
    (search,) = searches(["joint"], [], DIGITS, 9, 3)
    assert [variant.assignments for variant in search.advance({"train.lr": 0.125})] == [("train.lr=0.3125",)]
    assert search.advance({"train.lr": 0.125}) == [] and search.edge({"train.lr": 0.125}) == {} and search.rounds == 1
    (search,) = searches(["joint"], [], DIGITS, 9, 2)
    for lr in (0.125, 0.3125):
        assert search.advance({"train.lr": lr})
    assert search.advance({"train.lr": 0.7812}) == [] and search.edge({"train.lr": 0.7812}) == {"train.lr": "limit"}
    (search,) = searches(["spp"], ["train.shared_lr=0.5,1", "lambda=1", "train.lr=1x"], DIGITS, 9, 2)
    best = {"lambda": 1.0, "train.lr": 0.05, "train.shared_lr": 1.0}
    assert search.advance(best) == [] and search.edge(best) == {"train.shared_lr": "bound"} and search.rounds == 0
    (search,) = searches(["joint"], [], DIGITS, 9, 0)
    assert search.advance({"train.lr": 0.02}) == [] and search.edge({"train.lr": 0.02}) == {"train.lr": "limit"}
    assert search.advance(None) == [] and search.edge(None) == {}


def test_values_that_the_settings_refuse_are_bounds() -> None:
    experiment = Experiment("digits-cgan", None, ())
    (search,) = searches(["sgd"], ["model.width=16,24", "train.lr=1x"], experiment, 9, 3)
    assert search.advance({"model.width": 24, "train.lr": 0.004})[0].assignments == ("model.width=32", "train.lr=0.004")
    (search,) = searches(["sgd"], ["model.width=4,6x", "train.lr=1x"], experiment, 9, 3)
    best = {"model.width": 4, "train.lr": 0.004}
    assert search.advance(best) == [] and search.edge(best) == {"model.width": "bound"}


def test_the_score_is_over_all_tasks_and_the_first_of_equals_is_chosen() -> None:
    (search,) = searches(["joint"], [], DIGITS, 9)
    labels = [variant.label for variant in search.variants()]

    def rows(**scores: list[float]) -> dict[str, dict[str, object]]:
        return {
            label: {"status": "done", **{k: {"mean": v[i], "std": None, "n": 1} for k, v in scores.items()}}
            for i, label in enumerate(labels)
        }

    both = rows(fid_first_half=[1, 2, 3], fid=[9, 8, 8])
    assert metric_of(both) == "fid" and metric_of(rows(fid_first_half=[1, 2, 3], kid=[1, 2, 3])) == "kid"
    best = best_of(search, both)
    assert best is not None and best["settings"] == {"train.lr": 0.05} and best["score"] == 8
    del both[labels[0]]["fid"]  # a figure that some runs lack compares nothing
    assert metric_of(both) == "fid_first_half"
    assert metric_of({"joint": {"status": "failed", "error": "it became NaN"}}) is None
