"""All that a GPU should be asked, in less than nine minutes; one table at the end.

    python -m benchmarks.gpu [--quick] [--device cuda] [--budget 520] [--out gpu.md]

Steps per second of a bare PyTorch loop, and of gencl in the second task with each method; float32, TF32, bf16,
channels-last, compiled networks and CUDA graphs; how often a step waits for the device; importance, consolidation,
drawing and scoring; seeds trained as one. ``share`` is the value over that of the row which the note names, or of the
bare loop in float32. The table, and a JSON file beside it, are written again after each row. What matters most comes
first: where the time is up, the rest says so. With --quick each measurement is shorter; on a CPU networks are tiny too,
which tests this program and measures nothing.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import time
from pathlib import Path

import torch

import gencl
from benchmarks.gpu import library, passes, variants
from benchmarks.gpu.measuring import Bench
from benchmarks.gpu.subjects import SUBJECTS, chosen
from benchmarks.gpu.table import Table

_GRAPHS = 40
"""Seconds that are kept for CUDA graphs, which come last."""


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="shorter measurements; tiny networks on a CPU")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--budget", type=float, default=520, metavar="SECONDS", help="after which nothing new begins")
    parser.add_argument("--subjects", nargs="+", choices=SUBJECTS, default=list(SUBJECTS), help="learners to measure")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="the table; FILE.json beside it")
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        parser.error("PyTorch sees no GPU here; --device cpu --quick tries the program out")
    if given.device == "cpu" and not given.quick:
        parser.error("a CPU takes --quick alone: it only tries the program out")
    if given.out is not None and given.out.suffix == ".json":
        parser.error("--out is the table's file, such as gpu.md; the JSON file lies beside it")
    return given


def about(device: str) -> list[str]:
    """The command, the device, versions and the commit."""
    card = torch.cuda.get_device_name() if device == "cuda" else f"{platform.machine()} CPU: these figures say nothing"
    command = "python -m benchmarks.gpu " + " ".join(f'"{word}"' if " " in word else word for word in sys.argv[1:])
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
    versions = f"gencl {gencl.__version__}, PyTorch {torch.__version__}"
    return [f"`{command.strip()}`", card, f"{versions}, commit {commit}", time.strftime("%Y-%m-%d")]


def measure(bench: Bench, names: list[str], tiny: bool) -> None:
    """Adds all rows, what matters most first; what may leave the device in disorder comes last."""
    subjects = chosen(names, tiny)
    generators = {name: subject for name, subject in subjects.items() if not subject.classifies}
    for name, subject in subjects.items():
        variants.measure(bench, name, subject, [variants.FLOAT32])
        library.measure_methods(bench, name, subject)
    for name, subject in subjects.items():
        variants.measure(bench, name, subject, variants.NUMBERS)
        library.measure_option(bench, name, subject, "train.precision=bf16")
        passes.measure_importance(bench, name, subject)
    for millions in (0.01, 0.1) if tiny else (1, 10, 100):
        passes.measure_consolidation(bench, millions)
    for name, subject in generators.items():
        passes.measure_drawing(bench, name, subject)
    passes.measure_scoring(bench)
    for preset in ("digits-mlp", "digits-cgan"):
        passes.measure_seeds(bench, preset, (2,) if tiny else (1, 2, 4, 8, 16), 2 if tiny else 100)
    bench.reserve = _GRAPHS
    for name, subject in subjects.items():
        variants.measure(bench, name, subject, [variants.COMPILED])
        library.measure_option(bench, name, subject, "train.compile=yes")
        variants.measure(bench, name, subject, [variants.REDUCED])
        library.measure_option(bench, name, subject, "train.compile=reduce-overhead")
    for name, subject in subjects.items():
        library.measure_option(bench, name, subject, "train.compile=yes", subject.methods()[1:])
    bench.reserve = 0
    for name, subject in subjects.items():
        variants.measure(bench, name, subject, [variants.GRAPH])


def main() -> None:
    given = options()
    tiny = given.device == "cpu"
    if given.device == "cpu":
        torch.set_num_threads(1)
    seconds = 0.02 if tiny else 0.3 if given.quick else 1.0
    table = Table(given.out, about(given.device))
    bench = Bench(given.device, given.quick, seconds, 60, given.budget, table)
    try:
        measure(bench, given.subjects, tiny)
    finally:
        print(table.markdown())


if __name__ == "__main__":
    main()
