"""Batches by indexing tensors in memory, as gencl takes them, against a DataLoader over the same images.

python -m benchmarks.batches --data-root DIR
"""

from __future__ import annotations

from pathlib import Path

from torch.utils.data import DataLoader, TensorDataset

from benchmarks import measure
from benchmarks.runs import settings_for
from gencl.runs.build import make_scenario
from gencl.scenarios.source import Order


def main() -> None:
    parser = measure.options(__doc__, rounds=7)
    parser.add_argument("--data-root", type=Path, required=True)
    given = measure.parsed(parser)
    settings = settings_for("split-mnist", "finetune", ["data.validation=0"])
    data = make_scenario(settings, given.data_root).tasks[0].train
    size = settings.train.batch_size

    def indexed() -> None:
        order = Order(len(data), size, 0)
        for step in range(len(data) // size):
            rows = order.rows(step)
            data.take(rows).float() / 255, data.labels[rows]

    in_memory = TensorDataset(data.images.float() / 255, data.labels)

    def loaded() -> None:
        for _ in DataLoader(in_memory, size, shuffle=True, drop_last=True):
            pass

    sides = {"tensors by index": indexed, "DataLoader over float tensors": loaded}
    times = measure.interleaved({name: measure.timed(run, given.clock) for name, run in sides.items()}, given.rounds)
    measure.record("Batches", measure.table(f"{len(data)} images of MNIST in batches of {size}", times, "ms"))


if __name__ == "__main__":
    main()
