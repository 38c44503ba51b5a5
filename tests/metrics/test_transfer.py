"""Each measure on a matrix worked out by hand."""

from __future__ import annotations

import pytest

from gencl.metrics import transfer

R = [
    [0.9, None, None],
    [0.8, 0.7, None],
    [0.6, 0.75, 0.5],
]


def test_by_hand() -> None:
    assert transfer.final(R) == pytest.approx((0.6 + 0.75 + 0.5) / 3)
    assert transfer.just_learned(R) == pytest.approx((0.9 + 0.7 + 0.5) / 3)
    assert transfer.backward_transfer(R) == pytest.approx(((0.6 - 0.9) + (0.75 - 0.7)) / 2)
    assert transfer.forward_transfer(R, [1.0, 0.8, 0.9]) == pytest.approx(((0.7 - 0.8) + (0.5 - 0.9)) / 2)
    # the best before the last row: 0.9 and 0.7; a task that got better counts as negative forgetting
    assert transfer.forgetting(R) == pytest.approx(((0.9 - 0.6) + (0.7 - 0.75)) / 2)
    # population variances of (0.9, 0.8, 0.6) and (0.7, 0.75)
    assert transfer.smt(R) == pytest.approx((0.0466666667 / 3 + 0.000625) / 2)


def test_joint_training_has_only_a_last_row() -> None:
    matrix = [[None, None], [0.5, 0.7]]
    assert transfer.final(matrix) == pytest.approx(0.6)
    assert transfer.backward_transfer(matrix) is None
    assert transfer.just_learned(matrix) is None
    assert transfer.forgetting(matrix) is None


def test_one_task() -> None:
    assert transfer.final([[0.5]]) == 0.5
    assert transfer.backward_transfer([[0.5]]) is None
    assert transfer.smt([[0.5]]) is None


def test_arguments_stay_as_they_are() -> None:
    before = [list(row) for row in R]
    for measure in (transfer.final, transfer.backward_transfer, transfer.forgetting, transfer.smt):
        measure(R)
    assert before == R
