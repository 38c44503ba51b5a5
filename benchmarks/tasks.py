"""What each of many tasks costs with each method: time of training and of importance, and memory.

    python -m benchmarks.tasks --data-root DIR [--tasks 100] [--steps 20] [--methods finetune ewc ...]

Permuted MNIST, MLP 784-512-256 with a head a task; dgr has a GAN beside it. Each method is a process of its own; the
slope is that of a line through the seconds a task, in per cent of their mean, from the second task on (the first has
nothing to protect). `python -m benchmarks.growth` draws a run.
"""

from __future__ import annotations

import multiprocessing
import statistics
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks import measure
from benchmarks.growth import slope
from benchmarks.runs import settings_for, trained
from gencl.core.settings import Settings
from gencl.runs.build import make_scenario

METHODS = ("finetune", "ewc", "mas", "si", "spp", "anpyc", "lwf", "dgr")


def costs(settings: Settings, root: Path, clock: str, answer: Connection) -> None:
    run = trained(settings, make_scenario(settings, root), measure.CLOCKS[clock], evaluate=False)
    answer.send(run.state.cost.by_task)


def main() -> None:
    parser = measure.options(__doc__, rounds=1)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--images", type=int, default=1000, help="at most so many a task")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    given = measure.parsed(parser)
    clock = next(name for name, value in measure.CLOCKS.items() if value is given.clock)
    fixed = [f"scenario.tasks={given.tasks}", f"train.steps={given.steps}", f"data.limit={given.images}"]
    lines = [
        "| | ms a task, training | slope % a task | ms a task, importance | slope % a task | MB after 2 tasks "
        "| MB after the last | KB a task |",
        "| --- " + "| ---: " * 7 + "|",
    ]
    for method in given.methods:
        settings = settings_for("permuted-mnist", method, ["data.validation=0", *fixed])
        hearing, telling = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("fork").Process(
            target=costs, args=(settings, given.data_root, clock, telling)
        )
        process.start()
        telling.close()
        rows = hearing.recv()[1:]
        process.join()
        cells = []
        for key in ("train_seconds", "importance_seconds"):
            values = [row[key] for row in rows]
            cells.append(f"{max(0.0, 1e3 * statistics.median(values)):.0f}")
            cells.append(f"{slope(values):+.2f}" if statistics.median(values) >= 0.002 else "–")
        memory = [row["memory_bytes"] for row in rows]
        fit = statistics.linear_regression(range(len(memory)), memory).slope / 1e3
        cells += [f"{memory[0] / 1e6:.0f}", f"{memory[-1] / 1e6:.0f}", f"{fit:.0f}"]
        lines.append(f"| {method} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    measure.record(f"Growth over {given.tasks} tasks", *lines)


if __name__ == "__main__":
    main()
