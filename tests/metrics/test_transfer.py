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
    assert transfer.anytime(R) == pytest.approx((0.9 + (0.8 + 0.7) / 2 + (0.6 + 0.75 + 0.5) / 3) / 3)
    assert transfer.backward_transfer(R) == pytest.approx(((0.6 - 0.9) + (0.75 - 0.7)) / 2)
    assert transfer.forward_transfer(R, [1.0, 0.8, 0.9]) == pytest.approx(((0.7 - 0.8) + (0.5 - 0.9)) / 2)
    # the best before the last row: 0.9 and 0.7; a task that got better counts as negative forgetting
    assert transfer.forgetting(R) == pytest.approx(((0.9 - 0.6) + (0.7 - 0.75)) / 2)
    # population variances of (0.9, 0.8, 0.6) and (0.7, 0.75)
    assert transfer.smt(R) == pytest.approx((0.0466666667 / 3 + 0.000625) / 2)


def test_joint_training_has_only_a_last_row() -> None:
    matrix = [[None, None], [0.5, 0.7]]
    assert transfer.final(matrix) == pytest.approx(0.6)
    assert transfer.anytime(matrix) is None
    assert transfer.backward_transfer(matrix) is None
    assert transfer.just_learned(matrix) is None
    assert transfer.forgetting(matrix) is None


def test_zero_shot_transfer_is_what_an_untrained_network_does_not_have() -> None:
    """GEM, eq. 4: mean over the second and third task of R[j-1][j] - b_j."""
    assert transfer.zero_shot([(0.3, 0.1), (0.5, 0.2)]) == pytest.approx(0.25)
    assert transfer.zero_shot([]) is None


def test_one_task() -> None:
    assert transfer.final([[0.5]]) == transfer.anytime([[0.5]]) == 0.5
    assert transfer.backward_transfer([[0.5]]) is None
    assert transfer.smt([[0.5]]) is None


def test_four_tasks_by_hand() -> None:
    """Written out as in the papers: ANPyC eq. 10-12, SPP eq. 9."""
    matrix = [
        [1.0, None, None, None],
        [0.5, 0.8, None, None],
        [0.6, 0.9, 0.7, None],
        [0.4, 0.6, 0.7, 0.9],
    ]
    assert transfer.final(matrix) == pytest.approx(2.6 / 4)
    assert transfer.backward_transfer(matrix) == pytest.approx((-0.6 - 0.2 + 0.0) / 3)
    assert transfer.forward_transfer(matrix, [0.0, 0.9, 0.6, 0.9]) == pytest.approx((-0.1 + 0.1 + 0.0) / 3)
    assert transfer.forgetting(matrix) == pytest.approx(((1.0 - 0.4) + (0.9 - 0.6) + (0.7 - 0.7)) / 3)
    # columns (1, .5, .6, .4), (.8, .9, .6), (.7, .7): means .625, .7667, .7
    first = (0.375**2 + 0.125**2 + 0.025**2 + 0.225**2) / 4
    second = ((1 / 30) ** 2 + (4 / 30) ** 2 + (5 / 30) ** 2) / 3
    assert transfer.smt(matrix) == pytest.approx((first + second + 0) / 3)
    assert transfer.just_learned(matrix) == pytest.approx(3.4 / 4)


def test_the_first_task_is_not_in_fwt_and_the_last_not_in_bwt() -> None:
    assert transfer.forward_transfer([[0.1, None], [0.2, 0.5]], [0.9, 0.75]) == pytest.approx(-0.25)
    assert transfer.backward_transfer([[0.1, None], [0.2, 0.5]]) == pytest.approx(0.1)


def test_an_entry_that_is_missing_leaves_what_needs_it_undefined() -> None:
    no_middle = [[0.9, None, None], [None, 0.7, None], [0.6, 0.8, 0.5]]
    assert transfer.backward_transfer(no_middle) == pytest.approx((-0.3 + 0.1) / 2)  # it needs no middle row
    assert transfer.forgetting(no_middle) == pytest.approx((0.3 - 0.1) / 2)
    assert transfer.smt(no_middle) is None
    no_end = [[0.9, None, None], [0.8, 0.7, None], [None, 0.8, 0.5]]
    for measure in (transfer.final, transfer.backward_transfer, transfer.forgetting, transfer.smt):
        assert measure(no_end) is None
    no_diagonal = [[0.9, None], [0.8, None]]
    assert transfer.forward_transfer(no_diagonal, [0.9, 0.9]) is None
    assert transfer.just_learned(no_diagonal) is None
    assert transfer.forward_transfer([[0.9, None], [0.8, 0.7]], [0.9, None]) is None
    assert transfer.forward_transfer([[None, None], [0.8, 0.7]], [None, 0.9]) == pytest.approx(-0.2)


def test_nothing_measured() -> None:
    empty = transfer.empty_matrix(3)
    assert empty == [[None] * 3] * 3 and empty[0] is not empty[1]
    for measure in (transfer.final, transfer.anytime, transfer.backward_transfer, transfer.forgetting, transfer.smt):
        assert measure(empty) is None and measure([]) is None
    assert transfer.forward_transfer([[0.5]], [0.6]) is None


def test_nothing_is_forgotten_when_nothing_changes() -> None:
    still = [[0.9, None, None], [0.9, 0.8, None], [0.9, 0.8, 0.7]]
    assert transfer.backward_transfer(still) == transfer.forgetting(still) == transfer.smt(still) == 0


def test_arguments_stay_as_they_are() -> None:
    before = [list(row) for row in R]
    for measure in (transfer.final, transfer.backward_transfer, transfer.forgetting, transfer.smt):
        measure(R)
    assert before == R
