"""A few runs killed at random moments; `python -m tests.chaos` kills 200."""

from __future__ import annotations

import sys

import pytest

from tests import chaos, forked

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")


def check(n: int, methods: str) -> None:
    done = forked.Forked(chaos.main, ["--n", str(n), "--methods", methods])
    assert done.wait() == 0, done.output + done.errors
    assert done.output.endswith(f"{n} runs of {n} families killed and resumed (seed 0), 0 differ\n")


def test_killed_anywhere_and_resumed() -> None:
    check(4, "anpyc,packnet,clnp")


def test_a_player_that_is_killed_anywhere_and_resumed() -> None:
    pytest.importorskip("minatar", reason='MinAtar is not installed; pip install -e ".[games]"')
    check(1, "minatar-dqn ewc")


def test_inferred_tasks_that_are_killed_anywhere_and_resumed() -> None:
    check(1, "digits-flow ewc inferred")
