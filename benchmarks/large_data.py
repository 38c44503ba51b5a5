"""Memory and start of a run on many pictures: the first start, which decodes them, and the second, which does not.

    python -m benchmarks.large_data [--pictures 50000] [--size 128] [--steps 400] [--place auto host device]

Pictures are made up, as JPEG files in two folders of a temporary folder, which holds the cache and the runs too and is
deleted. A run is ``gencl train --preset folders-vae`` with a small network, one folder after the other, in a process of
its own. Its memory is looked at from outside: the most that was resident, and how much of that was not pages of files,
which the system takes back when it needs memory.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import measure

DOMAINS = ("one", "two")
_EVERY_SECONDS = 0.05


@dataclass(frozen=True)
class Seen:
    """What was seen of a run: seconds until its first step was taken, seconds in all, bytes of memory."""

    first_step: float
    whole: float
    resident: int
    own: int


def draw(number: int, folder: Path, size: int) -> None:
    """A smooth picture, another for each number."""
    random = np.random.default_rng(number)
    few = Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    name = folder / DOMAINS[number % len(DOMAINS)] / f"{number:07d}.jpg"
    few.resize((size, size), Image.Resampling.BICUBIC).save(name, quality=90)


def draw_all(pictures: int, folder: Path, size: int) -> None:
    for name in DOMAINS:
        (folder / name).mkdir(parents=True)
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(draw, folder=folder, size=size), range(pictures), chunksize=500))


def watched(folder: Path, start: str, place: str, given: argparse.Namespace) -> Seen:
    """A run on the pictures in ``folder``; runs of one place share a cache."""
    out = folder / f"{place}-{start}"
    settings = {
        "scenario.domains": "[" + ",".join(str(folder / name) for name in DOMAINS) + "]",
        "data.size": given.size,
        "data.place": place,
        "data.test": 0.02,
        "model.width": 4,
        "model.features": 32,
        "method.samples": 500,
        "train.steps": given.steps,
        "train.log_every": 1,
        "evaluate.features": "none",
        "evaluate.samples": 100,
    }
    command = [sys.executable, "-m", "gencl", "train", "--preset", "folders-vae", "--method", "mas", "--out", str(out)]
    command += ["--device", "cpu", "--threads", str(given.threads)]
    command += [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    environment = {**os.environ, "GENCL_CACHE": str(folder / f"{place}-cache")}
    began, first, resident, own = time.perf_counter(), 0.0, 0, 0
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            memory = _memory(process.pid)
            resident, own = max(resident, memory["VmRSS"]), max(own, memory["RssAnon"])
            if not first and (out / "log.jsonl").is_file():
                first = time.perf_counter() - began
            time.sleep(_EVERY_SECONDS)
    if process.returncode:
        sys.exit(f"the run failed with status {process.returncode}")
    return Seen(first, time.perf_counter() - began, resident, own)


def _memory(pid: int) -> dict[str, int]:
    """Bytes of a process's memory by kind, as Linux tells them."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:  # it has just ended
        lines = []
    found = {"VmRSS": 0, "RssAnon": 0}
    return found | {
        key: 1024 * int(rest.split()[0]) for key, _, rest in (line.partition(":") for line in lines) if key in found
    }


def main() -> None:
    parser = measure.options(__doc__, rounds=1)
    parser.add_argument("--pictures", type=int, default=50_000)
    parser.add_argument("--size", type=int, default=128, help="of a side")
    parser.add_argument("--steps", type=int, default=400, help="a folder")
    parser.add_argument("--place", nargs="+", choices=("auto", "host", "device"), default=["auto"])
    given = measure.parsed(parser)
    heads = ["`data.place`", "start", "s to the first step", "s in all", "GB at most", "of these not pages of files"]
    lines = [f"| {' | '.join(heads)} |", "| --- | --- | ---: | ---: | ---: | ---: |"]
    with tempfile.TemporaryDirectory(prefix="gencl-benchmark-") as scratch:
        draw_all(given.pictures, Path(scratch), given.size)
        for place in given.place:
            for start in ("first", "second"):
                seen = watched(Path(scratch), start, place, given)
                figures = f"{seen.first_step:.1f} | {seen.whole:.0f} | {seen.resident / 1e9:.2f} | {seen.own / 1e9:.2f}"
                lines.append(f"| {place} | {start} | {figures} |")
    measure.record(f"Start and memory with {given.pictures:,} pictures at {given.size}x{given.size}", *lines)


if __name__ == "__main__":
    main()
