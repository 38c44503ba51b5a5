"""A few runs killed at random moments; `python -m tests.chaos` kills 200."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
def test_killed_anywhere_and_resumed() -> None:
    command = [sys.executable, "-m", "tests.chaos", "--n", "4", "--methods", "anpyc,packnet,clnp"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=600, check=False, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("4 runs of 3 families killed and resumed (seed 0), 0 differ\n")
