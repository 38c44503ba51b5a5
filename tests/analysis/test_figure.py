"""What the pictures of analyses have in common."""

from __future__ import annotations

import pytest

from gencl.analysis.figure import canvas, legend


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
