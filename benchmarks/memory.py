"""The most memory in use at once, against a bare loop, in units of the parameters' own.

    python -m benchmarks.memory [--millions 40] [--steps 3] [--methods sgd ewc ...]

An MLP of so many million parameters on three tasks of the embedded digits, SGD with momentum. Each side is a process of
its own, forked from one that has loaded all it needs; what that one holds is left out. With fewer than 40 million the
largest tensor is under 32 MB, and what is measured is how the C library happens to cut up its heap.
"""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection

import torch

from benchmarks import floor, measure
from benchmarks.runs import settings_for, trained
from gencl.core.settings import Settings
from gencl.runs.build import make_scenario
from gencl.runs.state import memory_in_use, peak_memory
from gencl.scenarios.task import Scenario

METHODS = ("sgd", "ewc", "mas", "si", "spp", "anpyc", "lwf")
CPU = torch.device("cpu")


def peak(side: Callable[[], object]) -> int:
    """The bytes by which a process that runs it grows at most."""
    hearing, telling = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_grown, args=(side, telling))
    process.start()
    telling.close()
    grown: int = hearing.recv()
    process.join()
    return grown


def _grown(side: Callable[[], object], answer: Connection) -> None:
    before = memory_in_use(CPU)
    side()
    answer.send(peak_memory(CPU) - before)


def main() -> None:
    parser = measure.options(__doc__, rounds=1)
    parser.add_argument("--millions", type=float, default=40, help="of parameters")
    parser.add_argument("--steps", type=int, default=3, help="a task")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    given = measure.parsed(parser)
    pixels = 784
    width = round((math.sqrt(pixels**2 + 4e6 * given.millions) - pixels) / 2)
    fixed = [f"model.hidden=[{width},{width}]", f"train.steps={given.steps}", "scenario.tasks=3", "train.optimizer=sgd"]
    settings = {name: settings_for("digits-mlp", name, ["model.heads=task", *fixed]) for name in given.methods}
    scenario = make_scenario(settings[given.methods[0]], None)
    size = 4 * (pixels * width + width + width * width + width)

    def run(chosen: Settings, of: Scenario = scenario) -> Callable[[], object]:
        return lambda: trained(chosen, of, given.clock, evaluate=False)

    train = settings[given.methods[0]].train
    least = peak(lambda: floor.classify(scenario, 1, train, given.clock, (width, width)))
    lines = ["| | MB | parameters' sizes more than the bare loop |", "| --- | ---: | ---: |"]
    lines.append(f"| plain PyTorch loop | {least / 1e6:.0f} | 0 |")
    for name, chosen in settings.items():
        most = peak(run(chosen))
        lines.append(f"| {name} | {most / 1e6:.0f} | {(most - least) / size:.1f} |")
    measure.record(f"Memory, {given.millions:g} million parameters", *lines)


if __name__ == "__main__":
    main()
