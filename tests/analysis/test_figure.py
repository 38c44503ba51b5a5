"""What the pictures of analyses have in common."""

from __future__ import annotations

from itertools import pairwise

import pytest

from gencl.analysis.figure import canvas, legend
from gencl.analysis.sensitivity import _draw


@pytest.mark.parametrize("columns", [[1.0], [1.0, 1.0]])
@pytest.mark.parametrize("label", ["ewc:method.lambda=0.01, {}", "anpyc:method.prune=30:method.lambda=1, {}", "sgd {}"])
def test_a_legend_stays_within_its_picture(columns: list[float], label: str) -> None:
    figure, panels = canvas("title", columns, 3.0)
    for number in range(7):
        panels[0, 0].plot([0, 1], label=label.format(number))
    legend(figure, panels.flat)
    figure.canvas.draw()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1


@pytest.mark.parametrize("values", [[0.01, 0.1, 1.0, 10.0], [0.0, 0.01, 0.1, 1.0]])
def test_values_of_several_decades_stand_apart_also_beside_zero(values: list[float]) -> None:
    figure, panels = canvas("title", [1.0], 3.0)
    axes = panels[0, 0]
    _draw(axes, values, {"acc": [(0.5, 0.0)] * len(values)}, 0, {})
    figure.canvas.draw()
    places = [axes.transData.transform((value, 0.5))[0] for value in values]
    assert min(b - a for a, b in pairwise(places)) > 0.2 * (places[-1] - places[0])
