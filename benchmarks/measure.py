"""What all benchmarks share: options, interleaved rounds, tables of ratios, and a section each in RESULTS.md."""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import torch

import gencl
from gencl.core import files

RESULTS = Path(__file__).parent / "RESULTS.md"
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def options(about: str | None, rounds: int) -> argparse.ArgumentParser:
    """``--threads``, ``--rounds`` and ``--clock``, to which a benchmark adds its own; `parsed` reads them."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="PyTorch's, on both sides")
    parser.add_argument("--rounds", type=int, default=rounds, help="of each side, one after another")
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="cpu: the process's own time, where others use the machine too"
    )
    return parser


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The command line's options, with the threads set and ``clock`` as a function."""
    given = parser.parse_args()
    if given.clock == "cpu" and given.threads > 1:
        parser.error("--clock cpu adds up the time of all threads: use it with --threads 1")
    torch.set_num_threads(given.threads)
    given.clock = CLOCKS[given.clock]
    return given


def timed(run: Callable[[], object], clock: Callable[[], float], repeats: int = 1) -> Callable[[], float]:
    """A side's seconds, the mean of so many repeats."""

    def seconds() -> float:
        start = clock()
        for _ in range(repeats):
            run()
        return (clock() - start) / repeats

    return seconds


def interleaved(sides: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each side, one round after another, after a round that warms up."""
    taken = [{name: run() for name, run in sides.items()} for _ in range(rounds + 1)][1:]
    return {name: [seconds[name] for seconds in taken] for name in sides}


def table(title: str, times: Mapping[str, list[float]], unit: str = "s") -> str:
    """Medians, and ratios to the first side round by round (median, least, greatest)."""
    scale = {"s": 1.0, "ms": 1e3}[unit]
    first = next(iter(times.values()))
    lines = [
        f"### {title}",
        "",
        f"| | median {unit} | ratio | least | greatest |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, seconds in times.items():
        ratios = [a / b for a, b in zip(seconds, first, strict=True)]
        lines.append(
            f"| {name} | {statistics.median(seconds) * scale:.3f} | {statistics.median(ratios):.2f} "
            f"| {min(ratios):.2f} | {max(ratios):.2f} |"
        )
    return "\n".join(lines) + "\n"


def record(title: str, *parts: str) -> None:
    """Prints a benchmark's tables, and puts them with their command into its section of RESULTS.md."""
    path = Path(sys.argv[0])
    module = path.parent.name if path.stem == "__main__" else path.stem
    folders = {"--data-root": "DIR", "--environment": "FOLDER"}
    words = [folders.get(before, word) for before, word in pairwise(["", *sys.argv[1:]])]
    command = " ".join([f"python -m benchmarks.{module}", *words])
    where = f"gencl {gencl.__version__}, PyTorch {torch.__version__}, {platform.machine()} CPU"
    clock = "; CPU time, beside other work" if "--clock cpu" in command else ""
    threads = torch.get_num_threads()
    title += f", {threads} threads" * (threads > 1)
    head = f"`{command}` ({where}, {threads} thread{'s' * (threads > 1)}{clock})"
    section = "\n".join([f"## {title}", "", head, "", *parts]).rstrip() + "\n"
    print(section)
    before = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else "# Speed\n"
    intro, *sections = before.split("\n## ")
    named = {text.partition("\n")[0]: text.rstrip() + "\n" for text in sections}
    named[title] = section.removeprefix("## ")
    files.write(RESULTS, "\n## ".join([intro.rstrip() + "\n", *(named[key] for key in sorted(named))]))
