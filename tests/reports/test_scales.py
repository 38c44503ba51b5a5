"""The colours of tables: the same value has the same colour in every report."""

from __future__ import annotations

import pytest

from gencl.reports.page import heat
from gencl.reports.scales import change_place, scale_of

HIGH = [[0.99, None], [0.984, 0.95]]


def test_shares_go_from_0_to_100_per_cent() -> None:
    scale = scale_of("accuracy", HIGH)
    assert (scale.worst_text, scale.best_text) == ("0.0 %", "100.0 %")
    assert [[cell["good"] for cell in row] for row in heat("accuracy", HIGH, scale)] == [["99%", None], ["98%", "95%"]]


def test_distances_go_from_real_images_to_ten_times_as_much() -> None:
    scale = scale_of("fid", [[10.0, 1000.0, None]], floor=20.0)
    places = [scale.place(value) for value in (10.0, 20.0, 200.0, 1000.0)]
    assert places == [100, 100, 0, 0] and 40 < scale.place(63) < 60
    assert "20.0 or less (real images)" in scale.best_text and "200.0 or more" in scale.worst_text


def test_without_real_images_they_go_from_the_best_just_learned() -> None:
    assert scale_of("reconstruction", [[0.02, None], [0.01, 0.04]]).best == 0.02
    assert scale_of("fid", [[-1.0, 3.0]]).place(-1.0) == 100  # no logarithm of it
    assert scale_of("fid", [[None]]).place(0.0) == 100
    below = scale_of("kid", [[2.0, None], [3.0, 4.0]], floor=-0.1)  # an estimate of KID may be negative
    assert "best" not in below.best_text


@pytest.mark.parametrize(
    ("name", "before", "after", "low", "high"),
    [
        ("accuracy", 0.9, 0.9, 50, 50),
        ("accuracy", 0.9, 0.5, 0, 0),
        ("accuracy", 0.8, 0.9, 51, 99),
        ("fid", 30.0, 60.0, 1, 49),
        ("fid", 30.0, 1000.0, 0, 0),
    ],
)
def test_changes_are_coloured_by_what_was_lost(name: str, before: float, after: float, low: float, high: float) -> None:
    place = change_place(name, before, after)
    assert place is not None and low <= place <= high
    assert change_place(name, None, after) is None
