"""Other versions of Python and of the dependencies, each in an environment of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

JOB = Path(__file__).parents[1] / ".ci" / "versions"


@pytest.mark.skipif("GENCL_TEST_VERSIONS" not in os.environ, reason="takes 6 GB each: GENCL_TEST_VERSIONS=1 runs it")
@pytest.mark.parametrize("name", ["lowest", "3.13"])
def test_other_versions_pass(name: str) -> None:
    done = subprocess.run([JOB, name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
