"""What each further task of a run cost: ``python -m benchmarks.growth RUN OUT`` writes OUT.csv and OUT.png.

Seconds of training and of importance, and the memory in use at the task's end, from the run's metrics.json; the slope
of training time over tasks in per cent of its mean is printed.
"""

from __future__ import annotations

import csv
import io
import statistics
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

import gencl
from gencl.core import files


def slope(values: list[float]) -> float:
    """Of the least-squares line through values at 0, 1, 2, ..., in per cent of their mean."""
    fit = statistics.linear_regression(range(len(values)), values)
    return 100 * fit.slope / statistics.fmean(values)


def main(run: Path, out: Path) -> None:
    rows = gencl.load_run(run).metrics["cost"]["by_task"]
    text = io.StringIO()
    table = csv.DictWriter(text, fieldnames=["task", *rows[0]], lineterminator="\n")
    table.writeheader()
    table.writerows({"task": number, **row} for number, row in enumerate(rows, 1))
    files.write(out.with_suffix(".csv"), text.getvalue())
    tasks = range(1, len(rows) + 1)
    figure, (seconds, memory) = plt.subplots(2, 1, sharex=True, figsize=(6.4, 4.8), layout="constrained")
    for key, colour in (("train_seconds", "#0072b2"), ("importance_seconds", "#d55e00")):
        seconds.plot(tasks, [row[key] for row in rows], color=colour, label=key.replace("_", " "))
    seconds.set(ylabel="seconds a task", ylim=(0, None))
    seconds.legend(frameon=False)
    memory.plot(tasks, [row["memory_bytes"] / 1e6 for row in rows], color="#009e73")
    memory.set(ylabel="memory in use, MB", xlabel="task", ylim=(0, None))
    for axes in (seconds, memory):
        axes.spines[["top", "right"]].set_visible(False)
    picture = io.BytesIO()
    figure.savefig(picture, dpi=130)
    files.write(out.with_suffix(".png"), picture.getvalue())
    print(f"training time: {slope([row['train_seconds'] for row in rows]):+.2f} % of its mean a task")
    first, last = (rows[i]["memory_bytes"] / 1e6 for i in (0, -1))
    print(f"memory in use: {first:.0f} MB after the first task, {last:.0f} MB after the last")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
