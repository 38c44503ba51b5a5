"""The ``gencl`` command within this process, for those that start it but stand below it, and Python in others."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

_AS_MODULE = """
import sys
sys.path = [place for place in sys.path if place] + [sys.argv.pop(1)]
import runpy
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


def python(module: str, *arguments: str) -> list[str]:
    """Return the words of ``python -m MODULE ARGUMENTS``, but for one thing: it imports nothing from the folder it is
    started in, where a user's ``random.py`` or ``gencl/`` may lie."""
    return [sys.executable, "-c", _AS_MODULE, str(Path(__file__).parents[2]), module, *arguments]


def run(arguments: Sequence[str]) -> int:
    """Runs ``gencl ARGUMENTS`` as ``python -m gencl`` does, and returns the exit status."""
    sys.argv = ["gencl", *arguments]
    try:
        runpy.run_module("gencl", run_name="__main__")
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else int(leave.code is not None)
    return 0
