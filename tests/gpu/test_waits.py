"""No step waits for a real GPU between two log points (`tests/training/test_waiting.py`: the same on the CPU)."""

from __future__ import annotations

import pytest
import torch

from benchmarks.gpu.library import stepping, waits
from benchmarks.gpu.subjects import SUBJECTS, chosen

pytestmark = pytest.mark.gpu

CASES = [(name, method) for name, subject in SUBJECTS.items() for method in subject.methods()]


@pytest.mark.parametrize(("name", "method"), CASES)
def test_no_step_waits(name: str, method: str, card: str) -> None:
    def several() -> None:
        for _ in range(9):  # one with R1 among them
            step()

    with stepping(card, chosen([name], small=True)[name], method) as step:
        several()
        assert not waits(several)


def test_a_wait_is_seen(card: str) -> None:
    assert waits(lambda: torch.ones(3, device=card).sum().item())  # type: ignore[arg-type,return-value]
