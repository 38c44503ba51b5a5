"""How inferred tasks are compared with true ones."""

from __future__ import annotations

import pytest

from gencl.scenarios.attribution import agreement, told


def test_tasks_are_matched_whatever_their_numbers() -> None:
    visits = [(0, 30), (1, 30), (0, 30)]
    found = agreement(visits, [1] * 30 + [0] * 30 + [1] * 30)
    assert found["attributed"] == found["attributed_after"] == 1
    assert found["delay"] == {"mean": 0, "largest": 0}
    assert (found["inferred"], found["true"], found["returns"]) == (2, 2, {"recognised": 1, "of": 1})


def test_late_batches_count_as_wrong_and_as_delay() -> None:
    visits = [(0, 30), (1, 30), (0, 30)]
    found = agreement(visits, [0] * 30 + [0] * 4 + [1] * 26 + [1] * 2 + [0] * 28)
    assert found["attributed"] == pytest.approx(84 / 90)
    assert found["attributed_after"] == 1
    assert found["delay"] == {"mean": 3, "largest": 4}
    assert told(found) == (
        "2 tasks were inferred of 2; 93.3% of the batches are attributed to the right task, 100.0% after the first 20 "
        "of a visit; a switch is seen after 3.0 batches on average, 4 at most; 1 of 1 returns are recognised"
    )


def test_a_return_taken_for_a_new_task_is_not_recognised() -> None:
    found = agreement([(0, 10), (1, 10), (0, 10)], [0] * 10 + [1] * 10 + [2] * 10)
    assert found["attributed"] == pytest.approx(2 / 3)
    assert (found["inferred"], found["returns"]) == (3, {"recognised": 0, "of": 1})
    assert found["delay"] == {"mean": 5, "largest": 10}
    assert "attributed_after" not in found


def test_one_task_for_two() -> None:
    found = agreement([(0, 10), (1, 30)], [0] * 40)
    assert (found["attributed"], found["inferred"]) == (0.75, 1)
    alone = "1 task was inferred of 1; 100.0% of the batches are attributed to the right task"
    assert told(agreement([(0, 3)], [0] * 3)) == alone
