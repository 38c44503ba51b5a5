"""``results/curves`` as a picture and as a table.

``python docs/generate/curves.py`` writes samples/curves.png and results/curves/curves.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import figures
from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatter

from gencl.analysis.figure import canvas, legend, plain, png
from gencl.drawing.curves import line_look

COLUMNS = 2
FOLDER = figures.RESULTS / "curves"
PAGE = FOLDER / "curves.md"
PICTURE = figures.ROOT / "samples" / "curves.png"


def curves() -> dict[str, dict[str, Any]]:
    """Return the measured curves by subject and variant."""
    return {path.stem: figures.read("curves", path.name) for path in sorted(FOLDER.glob("*.json"))}


def page() -> str:
    """Return the table of all last points."""
    lines = [
        "# Distance after so many CPU seconds", "",
        "Made by `python -m benchmarks.curves SUBJECT --clock cpu`; everything is learned at once, at a flat rate. "
        "One seed.", "",
        "| subject | variant | settings | parameters | CPU seconds | steps | FD, averaged weights | FD, as they are |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]  # fmt: skip
    for subject, variants in curves().items():
        for variant, curve in variants.items():
            for point in curve["points"]:
                figure = [f"{curve['parameters']:,}", round(point["seconds"]), f"{point['steps']:,}"]
                cells = [subject, variant, f"`{' '.join(curve['set'])}`", *figure, point["averaged"], point["live"]]
                lines.append(f"| {' | '.join(map(str, cells))} |")
        floor = next(iter(variants.values()))
        lines.append(f"| {subject} | real training images ({floor['features']}) | | | | | {floor['real']} | |")
    return "\n".join(lines) + "\n"


def draw(axes: Axes, subject: str, variants: dict[str, Any], numbers: dict[str, int]) -> None:
    """Each variant with its averaged weights, and a line for real images."""
    for variant, curve in variants.items():
        seconds, distances = ([point[key] for point in curve["points"]] for key in ("seconds", "averaged"))
        look = line_look(numbers.setdefault(variant, len(numbers)), marked=True)
        axes.plot(seconds, distances, label=variant, **look)
    floor = next(iter(variants.values()))["real"]
    axes.axhline(floor, color="0.6", linewidth=0.8)
    plain(axes, f"{subject}; grey: real training images ({floor})")
    axes.set_yscale("log")
    for ticks in ("major", "minor"):
        getattr(axes.yaxis, f"set_{ticks}_formatter")(LogFormatter(minor_thresholds=(2, 0.5)))
    axes.set_xlabel("CPU seconds of training", fontsize=9)
    axes.set_ylabel("Fréchet distance", fontsize=9)


def picture() -> bytes:
    """Return a panel for each subject, as PNG."""
    subjects, numbers = curves(), dict[str, int]()
    rows = -(-len(subjects) // COLUMNS)
    title = "Fréchet distance of the averaged weights by CPU time. One seed."
    figure, panels = canvas(title, (1,) * COLUMNS, 3.4 * rows + 0.8, rows)
    places = [axes for row in panels for axes in row]
    for axes, (subject, variants) in zip(places, subjects.items(), strict=False):
        draw(axes, subject, variants, numbers)
    for axes in places[len(subjects) :]:
        axes.remove()
    legend(figure, places[: len(subjects)])
    return png(figure)


def main() -> None:
    """Write both."""
    PAGE.write_text(page(), encoding="utf-8")
    Path(PICTURE).write_bytes(picture())


if __name__ == "__main__":
    main()
