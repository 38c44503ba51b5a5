"""gencl against avalanche-lib on the same work: time, memory and accuracy, interleaved.

    python -m benchmarks.peers --data-root DIR [--environment FOLDER] [--preset split-mnist] [--epochs 1]

Installs avalanche-lib from the registry into a virtual environment of its own (made once, in FOLDER), which sees this
one's PyTorch so that both sides compute with the same build. Both have the images as float tensors in memory, the same
network, optimiser, constant learning rate, batch size, epochs and number of tasks; seconds are those of training and
importance; memory is the peak beyond the idle process. Each run is a process of its own.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from benchmarks import measure
from benchmarks.peers.gencl_side import PLAIN
from benchmarks.peers.sides import PEER, Side, installed
from benchmarks.runs import places, settings_for
from gencl.core.folders import cache_root
from gencl.runs.build import make_scenario

METHODS = ("naive", "lwf", "si", "mas", "ewc")


def tensors(preset: str, assignments: list[str], root: Path | None) -> dict[str, torch.Tensor]:
    """Every task's images in [0, 1] and labels from 0, as the peer reads them."""
    data = {}
    scenario = make_scenario(settings_for(preset, "finetune", assignments), root)
    for task in scenario.tasks:
        for part, split in {"train": task.train, "test": task.test}.items():
            data[f"{part}.images.{task.index}"] = split.images.float() / 255
            data[f"{part}.labels.{task.index}"] = places(split.labels, task.classes)
    return data


def main() -> None:
    parser = measure.options(__doc__, rounds=3)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--environment", type=Path, default=cache_root() / "avalanche", help="made where it is absent")
    parser.add_argument("--preset", choices=["split-mnist", "permuted-mnist"], default="split-mnist")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--images", type=int, help="at most so many a task")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    given = measure.parsed(parser)
    name = next(name for name, clock in measure.CLOCKS.items() if clock is given.clock)
    python = installed(given.environment)
    limit = [f"data.limit={given.images}"] * (given.images is not None)
    assignments = [f"train.epochs={given.epochs}", "train.lr_flat=1", "data.validation=0", *limit]
    train = settings_for(given.preset, "finetune", assignments).train
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.safetensors"
        save_file(tensors(given.preset, assignments, given.data_root), data)
        job = {
            "threads": given.threads, "clock": name, "preset": given.preset, "assignments": assignments,
            "root": str(given.data_root), "data": str(data), "epochs": given.epochs, "lr": train.lr,
            "momentum": train.momentum, "batch_size": train.batch_size,
        }  # fmt: skip
        sides = {
            "gencl": Side(sys.executable, "-m", "benchmarks.peers.gencl_side"),
            "avalanche-lib": Side(python, Path(__file__).with_name("avalanche_side.py")),
        }
        runs: dict[tuple[str, str], list[dict[str, float]]] = {}
        for process in sides.values():  # a process's first run takes longer
            process.run({**job, "method": given.methods[0]})
        for _ in range(given.rounds):
            for method in given.methods:
                for side, process in sides.items():
                    runs.setdefault((method, side), []).append(process.run({**job, "method": method}))
            runs.setdefault((PLAIN, "gencl"), []).append(sides["gencl"].run({**job, "method": PLAIN}))
        for process in sides.values():
            process.close()
    lines = [
        "| | gencl s | avalanche-lib s | times faster | least | greatest | gencl MB | avalanche-lib MB "
        "| gencl ACC % | avalanche-lib ACC % |",
        "| --- | " + " | ".join(["---:"] * 9) + " |",
    ]
    for method in given.methods:
        ours, theirs = runs[method, "gencl"], runs[method, "avalanche-lib"]
        ratios = [b["seconds"] / a["seconds"] for a, b in zip(ours, theirs, strict=True)]

        def middle(key: str, ours: Any = ours, theirs: Any = theirs) -> list[float]:
            return [statistics.median(row[key] for row in rows) for rows in (ours, theirs)]

        cells = [
            *(f"{value:.2f}" for value in middle("seconds")),
            *(f"{value:.2f}" for value in (statistics.median(ratios), min(ratios), max(ratios))),
            *(f"{value / 1e6:.0f}" for value in middle("memory")),
            *(f"{100 * value:.2f}" for value in middle("accuracy")),
        ]
        lines.append(f"| {method} | {' | '.join(cells)} |")
    if "naive" in given.methods:
        plain = [row["seconds"] for row in runs[PLAIN, "gencl"]]
        times = {
            side: statistics.median(
                row["seconds"] / least for row, least in zip(runs["naive", side], plain, strict=True)
            )
            for side in sides
        }
        lines.append(
            f"\nA plain PyTorch loop takes {statistics.median(plain):.2f} s in the same rounds; naive training takes "
            + ", ".join(f"{side} {ratio:.2f}" for side, ratio in times.items())
            + " times that."
        )
    epochs = f"{given.epochs} epoch{'s' * (given.epochs > 1)}"
    measure.record(f"Peers: {given.preset}, {epochs}, {PEER}", *lines)


if __name__ == "__main__":
    main()
