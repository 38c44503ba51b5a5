"""How long the command line takes to answer: ``gencl --help`` and ``gencl list``.

python -m benchmarks.startup
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

from benchmarks import measure

COMMANDS = {"python -c pass": ["-c", "pass"], "gencl --help": ["-m", "gencl", "--help"]} | {
    f"gencl list {what}".rstrip(): ["-m", "gencl", *f"list {what}".split()]
    for what in ("", "methods", "presets", "metrics")
}


def of_children() -> float:
    """CPU seconds of the processes that were waited for."""
    times = os.times()
    return times.children_user + times.children_system


def main() -> None:
    given = measure.parsed(measure.options(__doc__, rounds=9))
    clock = time.perf_counter if given.clock is time.perf_counter else of_children

    def side(arguments: list[str]) -> Callable[[], float]:
        def run() -> None:
            subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)

        return measure.timed(run, clock)

    times = measure.interleaved({name: side(arguments) for name, arguments in COMMANDS.items()}, given.rounds)
    measure.record("Start-up", measure.table("A command's time", times, "ms"))


if __name__ == "__main__":
    main()
