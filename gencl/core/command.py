"""The ``gencl`` command within this process, for those that start it but stand below it."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence


def run(arguments: Sequence[str]) -> int:
    """Runs ``gencl ARGUMENTS`` as ``python -m gencl`` does, and returns the exit status."""
    sys.argv = ["gencl", *arguments]
    try:
        runpy.run_module("gencl", run_name="__main__")
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else int(leave.code is not None)
    return 0
