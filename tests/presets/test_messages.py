"""What the settings of a run refuse, in one short line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from gencl import presets
from gencl.core.errors import UsageError


def test_a_file_does_not_change_a_preset_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("preset: mnist-cgan\ntrain: {steps: 5}")
    with pytest.raises(UsageError, match=r"preset: mnist-cgan is only a name.*gencl preset copy mnist-cgan"):
        presets.resolve(config=file)
    file.write_text("preset: my-own\ntrain: {steps: 5}")
    assert presets.resolve(config=file).preset == "my-own"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("data.name", torch.zeros(40, 28, 28), r"--set data\.name=\S.{0,80}: data\.name: .{0,140}"),
        ("scenario.domains", "./a,./b", r"--set scenario\.domains=.*: scenario\.domains: must be a list; write \[.*\]"),
        (
            "evaluate.also",
            "fashion",
            r"--set evaluate\.also=fashion: evaluate\.also: must be a list; write \[fashion\]",
        ),
    ],
)
def test_messages_are_one_short_line(key: str, value: object, message: str) -> None:
    with pytest.raises(UsageError) as error:
        presets.resolve("folders-cgan", assignments={key: value})
    assert re.fullmatch(message, str(error.value))
