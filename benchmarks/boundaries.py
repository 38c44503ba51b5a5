"""How well tasks are inferred from the images of a stream, without training (``train.boundaries: inferred``).

``python -m benchmarks.boundaries --data-root DIR --out results/boundaries`` writes boundaries.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import gencl
from gencl.runs.build import make_scenario

PRESET = "permuted-mnist"
STREAMS: dict[str, Sequence[str]] = {
    "ten permutations": (),
    "ten permutations, twice": ("scenario.name=repeat", "scenario.of={name: permuted, order: seed}"),
    "ten permutations, twice, batches of 16": (
        "scenario.name=repeat",
        "scenario.of={name: permuted, order: seed}",
        "train.batch_size=16",
    ),
    "ten permutations of the central 8x8 pixels": ("scenario.size=8",),
    "ten permutations of the central 4x4 pixels": ("scenario.size=4",),
    "a digit per task, twice": ("scenario.name=repeat", "scenario.of={name: split}"),
    "two digits per task, twice": ("scenario.name=repeat", "scenario.of={name: split, classes_per_task: 2}"),
    "two digits per task, twice, batches of 32": (
        "scenario.name=repeat",
        "scenario.of={name: split, classes_per_task: 2}",
        "train.batch_size=32",
    ),
    "MNIST, then Fashion-MNIST, twice": (
        "scenario.name=repeat",
        "scenario.of={name: domains, domains: [mnist, fashion-mnist]}",
    ),
}


def rows(root: Path | None) -> Iterator[list[str]]:
    """A row of the table for each stream."""
    for title, assignments in STREAMS.items():
        inferred = ["train.boundaries=inferred", "train.lr_end=1", *assignments]
        scenario = make_scenario(gencl.resolve(PRESET, method="sgd", assignments=inferred), root)
        found = scenario.boundaries
        assert found is not None
        delay, returns = found["delay"], found["returns"]
        yield [
            title,
            f"{found['inferred']} of {found['true']}",
            f"{100 * found['attributed']:.2f}",
            f"{100 * found['attributed_after']:.2f}",
            f"{delay['mean']:.1f}",
            str(delay["largest"]),
            f"{returns['recognised']} of {returns['of']}" if returns["of"] else "",
            str(len(scenario.tasks)),
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", type=Path, default=None)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    head = ["stream", "tasks inferred", "attributed %", "after 20 batches %", "mean delay", "largest", "returns"]
    head.append("visits")
    lines = [
        "# Tasks inferred from the images of a stream",
        "",
        "`python -m benchmarks.boundaries --data-root DIR --out results/boundaries`",
        "",
        f"The steps and batches of `{PRESET}` unless a row says otherwise, seed 0, hazard 0.01. Delays are in batches;",
        "a task that is never recognised counts with all of its visit. *visits*: how many tasks the learner would see.",
        "",
        f"| {' | '.join(head)} |",
        f"| --- | {' | '.join(['---:'] * (len(head) - 1))} |",
    ]
    for row in rows(arguments.data_root):
        print(row, flush=True)
        lines.append(f"| {' | '.join(row)} |")
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "boundaries.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
