"""Steps with one thread and with all cores' threads, alone and beside a busy process: what `gencl.core.threads`
rests on.

    python -m benchmarks.threads [--networks digits-mlp ...] [--rounds N]

A step is that of `benchmarks.options`. Each side is a process of its own: how threads wait for each other
(OMP_WAIT_POLICY) is read when PyTorch is imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import torch

from benchmarks import measure
from benchmarks.options import Case, side
from gencl.core.threads import allowed_cores

FACES = ["data.size=64", "scenario.domains=[a,b]"]
CASES: dict[str, Case] = {
    "digits-mlp": ("digits-mlp", [], (1, 28, 28), 2, 20),
    "digits-cgan": ("digits-cgan", [], (1, 28, 28), 1, 4),
    "split-mnist": ("split-mnist", ["model.heads=task"], (1, 28, 28), 2, 20),
    "mnist-cgan": ("mnist-cgan", [], (1, 28, 28), 1, 3),
    "permuted-mnist-wide": ("permuted-mnist-wide", [], (1, 28, 28), 10, 4),
    "cifar100": ("cifar100", [], (3, 32, 32), 5, 2),
    "celeba-anime-vae": ("celeba-anime-vae", FACES, (3, 64, 64), 1, 2),
}
"""As in `benchmarks.options`."""
BUSY = "while True: pass"


def answer(threads: int) -> None:
    """Does the steps of each case that comes in on a line, and says what one took, by the clock and of the CPU."""
    torch.set_num_threads(threads)
    made: dict[str, Callable[[], None]] = {}
    for line in sys.stdin:
        name = line.strip()
        if name not in made:
            made[name] = side(CASES[name], "default")
            made[name]()
        wall, cpu = time.perf_counter(), time.process_time()
        made[name]()
        steps = CASES[name][-1]
        print(json.dumps([(time.perf_counter() - wall) / steps, (time.process_time() - cpu) / steps]), flush=True)


class Side:
    """A process that takes steps with so many threads."""

    def __init__(self, threads: int, waiting: str) -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "GOMP_", "KMP_"))}
        environment |= {"OMP_WAIT_POLICY": waiting} if waiting else {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.threads", "--answer", str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    def take(self, name: str) -> tuple[float, float]:
        assert self._process.stdin is not None and self._process.stdout is not None
        print(name, file=self._process.stdin, flush=True)
        wall, cpu = json.loads(self._process.stdout.readline())
        return wall, cpu

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Other processes compute within the block."""
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(processes)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def main() -> None:
    parser = measure.options(__doc__, rounds=5)
    parser.add_argument("--networks", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--answer", type=int, help="used within")
    given = measure.parsed(parser)
    if given.answer:
        answer(given.answer)
        return
    cores = allowed_cores()
    sides = {
        "1 thread": (1, ""),
        f"{cores} threads": (cores, ""),
        f"{cores} threads, OMP_WAIT_POLICY=PASSIVE": (cores, "PASSIVE"),
    }
    parts = [compared(name, others, sides, given.rounds) for name in given.networks for others in (0, 1)]
    measure.record("Threads", *parts)


def compared(name: str, others: int, sides: Mapping[str, tuple[int, str]], rounds: int) -> str:
    """Tables of the time and of the CPU time of a step, beside so many busy processes."""
    with ExitStack() as stack:
        made = {key: Side(*value) for key, value in sides.items()}
        for one in made.values():
            stack.callback(one.close)
        taken: dict[str, list[tuple[float, float]]] = {key: [] for key in sides}
        stack.enter_context(busy(others))
        for number in range(rounds + 1):  # each comes first in turn; the first round warms up
            order = list(made)[number % len(made) :] + list(made)[: number % len(made)]
            for key in order:
                times = made[key].take(name)
                taken[key] += [times] if number else []
    beside = f"{name}, beside {others} busy process{'es' * (others != 1)} of ours"
    walls = {key: [wall for wall, _ in pairs] for key, pairs in taken.items()}
    cpu = {key: [seconds for _, seconds in pairs] for key, pairs in taken.items()}
    return "\n".join([measure.table(f"{beside}: time", walls, "ms"), measure.table(f"{beside}: CPU time", cpu, "ms")])


if __name__ == "__main__":
    main()
