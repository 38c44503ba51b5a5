"""What is written is what is read back."""

from __future__ import annotations

import pytest

from gencl.core import yaml_files


@pytest.mark.parametrize(
    "value", ["5e4", "08", "1:30", "no", "yes", "~", "1_000", "0x1f", "2026-01-01", ".5", 1e-5, 5e4, True, None, 8, "a"]
)
def test_a_value_comes_back(value: object) -> None:
    for style in (None, True):
        assert yaml_files.load(yaml_files.dump({"key": value}, default_flow_style=style)) == {"key": value}


@pytest.mark.parametrize(("text", "value"), [("010", 10), ("-08", -8), ("0", 0), ("1.0", 1.0), ("0o10", "0o10")])
def test_numbers_are_those_of_yaml_1_2(text: str, value: object) -> None:
    assert repr(yaml_files.load(text)) == repr(value)
