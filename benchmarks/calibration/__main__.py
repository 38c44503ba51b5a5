"""gencl's methods beside avalanche-lib's strategies: same batches, initial weights, optimiser, strength; same accuracy?

    python -m benchmarks.calibration --data-root DIR [--environment FOLDER] [--seeds 5] [--only ewc si] [--out DIR]

Split MNIST in the classes' own order, 1,000 training images per task, MLP 784-256-128, SGD whose momentum starts afresh
with each task. Each task has a head; with er one head grows. avalanche-lib is installed into an environment of its own,
as for `benchmarks.peers`. The verdict is "same" where the 95 % interval of the paired difference of final
accuracy lies within the larger standard deviation over seeds of the two sides; else gencl is "better" or "worse" where
the interval leaves out 0, and "undecided" where it does not.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import sys
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

import gencl
from benchmarks.calibration.gencl_side import batches, shared_setup, trained
from benchmarks.calibration.rows import BATCH, ROWS, Row
from benchmarks.calibration.variants import Unscaled
from benchmarks.peers.sides import PEER, Side, installed
from benchmarks.runs import settings_for
from gencl.core import files
from gencl.core.folders import cache_root
from gencl.reports.significance import difference
from gencl.runs.build import make_scenario

FIXED = (
    "scenario.order=given", "data.validation=0", "data.limit=1000", "model.hidden=[256,128]", "train.steps=150",
    f"train.batch_size={BATCH}", "train.lr=0.05", "train.momentum=0.9", "train.lr_flat=1",
)  # fmt: skip


class Calibration:
    """Runs rows in order, both sides on each seed; a row needs that run before it whose importance it names."""

    def __init__(self, preset: str, fixed: Sequence[str], root: Path | None, folder: Path) -> None:
        self.preset, self.fixed, self.root, self.folder = preset, fixed, root, folder
        self._per_task: dict[tuple[str, int], float] = {}
        self._theirs: dict[str, float] = {}

    def strength(self, row: Row, seed: int) -> float | None:
        """gencl's lambda in the unit of its importance."""
        if row.measured is None or row.strength is None:
            return row.strength
        return row.strength * self._per_task[row.measured, seed]

    def ours(self, row: Row, seed: int) -> tuple[float, dict[str, Any]]:
        """gencl's ACC, and the job for the other side, whose data file it leaves."""
        strength = self.strength(row, seed)
        given = [] if strength is None else [f"method.lambda={strength}"]
        fixed = [*self.fixed, f"model.heads={row.heads}", f"seed={seed}"]
        settings = settings_for(self.preset, row.method, [*fixed, *row.ours, *given])
        scenario = make_scenario(settings, self.root)
        accuracy, method = trained(settings, scenario, row.variant)
        if isinstance(method, Unscaled):
            self._per_task[row.name, seed] = statistics.fmean(method.means[:-1])  # the last is never used
        made = batches(method, scenario)
        data = self.folder / f"{row.heads}-{'made' if made else 'drawn'}-{seed}.safetensors"
        if not data.exists():
            save_file(shared_setup(settings, scenario) | made, data)
        train = settings.train
        return accuracy, {
            "method": row.name, "plugin": row.plugin, "settings": row.plugin_settings(), "heads": row.heads,
            "seed": seed, "data": str(data), "lr": train.lr, "momentum": train.momentum,
            "batch_size": train.batch_size, "threads": 1, "clock": "wall",
        }  # fmt: skip

    def theirs(self, peer: Side, job: dict[str, Any]) -> float:
        """avalanche-lib's ACC; what several rows compare with runs once."""
        key = json.dumps({**job, "method": None})
        if key not in self._theirs:
            self._theirs[key] = peer.run(job)["accuracy"]
        return self._theirs[key]

    def run(self, row: Row, seeds: range, peer: Side) -> dict[str, Any]:
        """What results.json says of a row."""
        pairs = []
        for seed in seeds:
            accuracy, job = self.ours(row, seed)
            pairs.append((accuracy, self.theirs(peer, job)))
        strengths = [strength for seed in seeds if (strength := self.strength(row, seed)) is not None]
        return summary(row, pairs, statistics.fmean(strengths) if strengths else None)


def summary(row: Row, pairs: Sequence[tuple[float, float]], strength: float | None) -> dict[str, Any]:
    """The settings of a row, ACC of both sides seed by seed as shares, their difference and the verdict."""
    ours, theirs = ([round(value, 6) for value in side] for side in zip(*pairs, strict=True))  # one side has floats
    paired, spread = difference(ours, theirs), max(statistics.stdev(ours), statistics.stdev(theirs))
    low, high = paired["ci95"]
    return {
        "name": row.name, "method": row.method, "settings": list(row.ours), "variant": row.variant,
        "lambda": strength, "heads": row.heads, "plugin": row.plugin, "plugin_settings": row.plugin_settings(),
        "gencl": ours, "avalanche": theirs, "difference": paired, "spread": spread,
        "verdict": verdict(low, high, spread), "differs": row.differs,
    }  # fmt: skip


def verdict(low: float, high: float, spread: float) -> str:
    """What the 95 % interval of the paired difference says beside the standard deviation over seeds."""
    if -spread <= low and high <= spread:
        return "same"
    return "better" if low > 0 else "worse" if high < 0 else "undecided"


def table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Lines of Markdown: mean ± sample standard deviation over seeds, per cent."""

    def shown(values: Sequence[float]) -> str:
        return f"{100 * statistics.fmean(values):.2f} ± {100 * statistics.stdev(values):.2f}"

    lines = [
        "| | gencl's λ | gencl ACC % | avalanche-lib ACC % | difference (95 % interval) | verdict "
        "| differs by design |",
        "| --- | ---: | ---: | ---: | ---: | --- | --- |",
    ]
    for row in rows:
        mean, (low, high) = row["difference"]["mean"], row["difference"]["ci95"]
        between = f"{100 * mean:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})"
        cells = [
            row["name"], "" if row["lambda"] is None else f"{row['lambda']:.3g}", shown(row["gencl"]),
            shown(row["avalanche"]), between, row["verdict"], row["differs"] or "nothing",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def command() -> str:
    """The command line, without this machine's folders."""
    folders = {"--data-root": "DIR", "--environment": "FOLDER"}
    words = [folders.get(before, word) for before, word in pairwise(["", *sys.argv[1:]])]
    return shlex.join(["python", "-m", "benchmarks.calibration", *words])


def write(folder: Path, rows: list[dict[str, Any]], seeds: int) -> None:
    """Leaves results.json and results.md, after each row all so far."""
    versions = {"gencl": gencl.__version__, "avalanche-lib": PEER.partition("==")[2], "torch": torch.__version__}
    about = {"schema": 1, "command": command(), "versions": versions, "fixed": list(FIXED), "seeds": list(range(seeds))}
    folder.mkdir(parents=True, exist_ok=True)
    files.write_json(folder / "results.json", {**about, "rows": rows})
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    head = [
        f"# gencl beside avalanche-lib: ACC over seeds 0 to {seeds - 1}, mean ± sample standard deviation",
        f"`{command()}` ({said})",
        f"Split MNIST with `{' '.join(FIXED)}`. Both sides have the same batches, initial weights and optimiser.",
        'Verdicts: "same" where the interval lies within the standard deviation over seeds, else "better" or "worse" '
        'where it leaves out 0, else "undecided".',
    ]
    files.write(folder / "results.md", "\n\n".join([*head, "\n".join(table(rows))]) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--environment", type=Path, default=cache_root() / "avalanche", help="made where it is absent")
    parser.add_argument("--seeds", type=int, default=5, help="so many, from 0; at least 2")
    parser.add_argument("--only", nargs="+", metavar="METHOD", help="rows of these methods of gencl")
    parser.add_argument("--out", type=Path, metavar="DIR", help="leaves results.md and results.json there")
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    print(*table(rows), sep="\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        peer = Side(installed(given.environment), "-m", "benchmarks.calibration.avalanche_side")
        calibration = Calibration("split-mnist", FIXED, given.data_root, Path(folder))
        for row in ROWS:
            if given.only is None or row.method in given.only:
                rows.append(calibration.run(row, range(given.seeds), peer))
                print(table(rows)[-1], flush=True)
                if given.out is not None:
                    write(given.out, rows, given.seeds)
        peer.close()


if __name__ == "__main__":
    main()
