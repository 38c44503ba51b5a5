"""The picture of sizes: labels within it, and figures that are means over the seeds."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import pytest
from matplotlib.figure import Figure

from gencl.analysis import capacity
from gencl.analysis.figure import bars, canvas
from gencl.analysis.subject import Subject
from gencl.drawing.names import all_shortened
from gencl.runs.folder import RunFolder

LONG = "anpyc:method.lambda=10:method.prune=80:model.hidden=[64,64]"


def test_figures_at_the_end_are_means_over_the_seeds() -> None:
    runs = [{"total": 500, "method_state_bytes": size, "shared_nonzero": left} for size, left in ((0, 100), (8, 201))]
    assert capacity._at_end(runs) == (0.002, 4e-6, 150.5)
    assert capacity._at_end(runs[:1]) == (0.002, 0, 100)
    assert capacity._at_end([{"total": 500, "method_state_bytes": 0}]) == (0.002, 0, None)


@pytest.fixture
def size(monkeypatch: pytest.MonkeyPatch) -> tuple[Figure, list[dict[str, str]]]:
    """The picture of two methods, one with a long label and four times the parameters, and its table."""
    growth = {"ewc": [12_000, 13_000], LONG: [54_000, 55_000]}
    runs: dict[str, dict[int, RunFolder]] = {}
    for label, counts in growth.items():
        for seed in (0, 1):
            parameters = {"total": counts[-1], "method_state_bytes": 0, "shared_nonzero": 1000 + seed}
            run: Any = SimpleNamespace(metrics={"parameters": parameters}, label=label)
            runs.setdefault(label, {})[seed] = cast(RunFolder, run)
    monkeypatch.setattr(capacity, "_growth", lambda run: growth[run.label])
    with mock.patch.object(capacity, "png", return_value=b"") as saved:
        drawing = capacity._size(Subject(Path("compared"), "digits-mlp", runs))
    return saved.call_args.args[0], list(csv.DictReader(drawing.tables["size"].splitlines()))


def test_long_labels_leave_room_for_the_sizes(size: tuple[Figure, list[dict[str, str]]]) -> None:
    figure, rows = size
    figure.canvas.draw()
    left, right = figure.axes
    assert left.get_ylim()[0] == 0 and "does not start" not in left.get_title(loc="left")
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 < left.get_window_extent().y0
    assert left.get_legend() is None and right.get_window_extent().width > 0.3 * figure.bbox.width
    assert [row["shared_parameters_not_zero"] for row in rows] == ["", "1000.5"] * 2
    assert rows[-1]["method"] == LONG


def test_labels_of_bars_are_short_and_told_apart() -> None:
    _, ((_, axes),) = canvas("title", (2.6, 1), 3.0)
    labels = [f"anpyc:method.lambda={value}:method.prune=80:model.hidden=[64,64]" for value in (10, 100)]
    bars(axes, ["ewc", *labels], [(1.0, 0.0)] * 3)
    shown = [label.get_text() for label in axes.get_yticklabels()]
    assert shown == all_shortened(["ewc", *labels]) and len(set(shown)) == 3 and max(map(len, shown)) < 40
    assert all_shortened(["", ""]) == ["", ""] and len(all_shortened([LONG])[0]) == 24
