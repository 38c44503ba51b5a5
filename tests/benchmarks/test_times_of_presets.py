"""The times of presets: written below what a preset is about, in place of an earlier one."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import presets


def test_a_time_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("# a comment\nabout: mine\ntrain: {steps: 10}\n")
    presets.write(str(path), 12)
    presets.write(str(path), 0.5)
    assert path.read_text() == "# a comment\nabout: mine\ntime: 0.5\ntrain: {steps: 10}\n"


@pytest.mark.parametrize(("seconds", "minutes"), [(4, 0.07), (93, 2), (550, 9), (612, 10), (8100, 140)])
def test_no_more_digits_than_hold_elsewhere(seconds: float, minutes: float) -> None:
    assert presets.rounded(seconds) == minutes


def test_a_preset_that_cannot_run_says_why(tmp_path: Path) -> None:
    assert "scenario.domains" in str(presets.seconds_of("folders-cgan", tmp_path))
