"""A few runs killed at random moments; `python -m tests.chaos` kills 200."""

from __future__ import annotations

import sys

import pytest

from tests import chaos, forked


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
def test_killed_anywhere_and_resumed() -> None:
    done = forked.Forked(chaos.main, ["--n", "4", "--methods", "anpyc,packnet,clnp"])
    assert done.wait() == 0, done.output + done.errors
    assert done.output.endswith("4 runs of 4 families killed and resumed (seed 0), 0 differ\n")
