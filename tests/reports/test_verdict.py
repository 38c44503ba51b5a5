"""The first sentence of a comparison says no more than its statistics."""

from __future__ import annotations

from typing import Any

import pytest

from gencl.reports import ties
from gencl.reports.significance import of_seeds
from gencl.reports.verdict import verdict

ACC = {"ewc": [0.90, 0.91, 0.92], "mas": [0.90, 0.92, 0.91], "sgd": [0.5, 0.51, 0.53], "joint": [0.99] * 3}


def results(key: str, values: dict[str, list[float]]) -> dict[str, Any]:
    rows = {name: {"status": "done", key: of_seeds(of_method)} for name, of_method in values.items()}
    seeds = len(next(iter(values.values())))
    return {"methods": rows, "seeds": list(range(seeds)), "comparisons": ties.comparisons(rows, None)}


@pytest.mark.parametrize(
    ("key", "values", "expected"),
    [
        (
            "acc",
            ACC,
            "ewc has the best ACC, 91.00 %, which is 92 % of joint’s 99.00 %; mas ties with it over 3 seeds.",
        ),
        (
            "acc",
            {name: ACC[name] for name in ("ewc", "sgd")},
            "ewc has the best ACC, 91.00 %; every other method is worse beyond chance over 3 seeds.",
        ),
        (
            "fid",
            {"sgd": [300.0], "ewc": [100.0], "joint": [50.0], "real": [10.0]},
            "ewc has the best FD, 100.0, which is 2.0 times joint’s 50.0; this is one seed, and nothing can be told "
            "beyond it.",
        ),
        ("fid", {"ewc": [100.0, 110.0]}, "ewc reaches FD 105.0; no other method competes."),
        ("fid", {"joint": [50.0], "real": [10.0]}, ""),
        ("fid", {}, ""),
    ],
)
def test_it_names_the_best_what_ties_and_what_is_left(key: str, values: dict[str, list[float]], expected: str) -> None:
    assert verdict(results(key, values) if values else {"methods": {}, "seeds": [0]}) == expected


def test_the_seeds_are_those_of_the_rows_that_were_compared() -> None:
    some = results("acc", {"ewc": ACC["ewc"], "mas": [0.9, 0.92, float("nan")], "sgd": ACC["sgd"]})
    assert verdict(some).endswith("mas ties with it over 2 seeds.")
    beaten = results("acc", {"ewc": [0.9, 0.91, 0.92], "sgd": [0.5, 0.51, float("nan")]})
    assert verdict(beaten).endswith("every other method is worse beyond chance over 2 seeds.")


def test_without_values_of_seeds_nobody_knows_ties() -> None:
    old = {**results("acc", ACC), "comparisons": {}}
    assert "nobody knows which methods tie" in verdict(old)
