"""Run the ``gencl`` command in this process, and build command lines for other Python processes.

Packages that must not import `gencl.commands` use it.
"""

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
    """Return a command line like ``python -m MODULE ARGUMENTS`` that imports nothing from the current folder.

    A user's ``random.py`` or ``gencl/`` there would otherwise hide the real module.
    """
    return [sys.executable, "-c", _AS_MODULE, str(Path(__file__).parents[2]), module, *arguments]


def run(arguments: Sequence[str]) -> int:
    """Run ``gencl ARGUMENTS`` in this process, as ``python -m gencl`` does, and return the exit status."""
    sys.argv = ["gencl", *arguments]
    try:
        runpy.run_module("gencl", run_name="__main__")
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else int(leave.code is not None)
    return 0
