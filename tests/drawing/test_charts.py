"""The axis of a report's line chart covers the values and their spreads."""

from __future__ import annotations

import pytest

from gencl.drawing.charts import TOP, Line, line_chart


def shown(line: Line, log: bool = False) -> tuple[list[float], list[float]]:
    """Return the tick values of a line's chart, and the heights of its dots, from 0 at the bottom to 1."""
    chart = line_chart([line], "x", log=log)
    assert chart is not None and chart.log == log
    height = chart.bottom - TOP
    return [float(text) for _, text in chart.y_ticks], [(chart.bottom - y) / height for _, y, _ in chart.lines[0].dots]


def test_a_spread_above_the_value_does_not_hide_the_value() -> None:
    ticks, heights = shown(Line("a", [10.5, 11, 10], [13.4, 13.5, 12.0]))
    assert ticks[0] <= 10.5 - 13.4 and ticks[-1] >= 24.5
    assert heights[2] < heights[0] < heights[1] and heights[2] > 0.2
    ticks, heights = shown(Line("a", [-10.0, -20.0], [3.0, 4.0]))
    assert ticks[0] <= -24 and ticks[-1] >= -7 and heights[1] > 0


@pytest.mark.parametrize("values", [[0.1, 0.10000000000000002], [1e-12, 3e-12], [0.0, 0.0], [1e-300, 1e-300]])
def test_values_that_hardly_differ_have_an_axis(values: list[float]) -> None:
    ticks, heights = shown(Line("a", values))
    assert ticks[0] < ticks[-1] and ticks[0] <= values[0] <= ticks[-1]
    assert all(0 <= height <= 1 for height in heights)


def test_a_logarithmic_axis_leaves_out_ends_below_zero() -> None:
    line = Line("a", [10.0, 200.0, 100.0], [13.0, 50.0, 20.0])
    chart = line_chart([line], "x", log=True)
    assert chart is not None and chart.log
    assert chart.lines[0].dots[0][1] < chart.bottom  # 10 is the lowest value, and the axis begins a little below
    assert shown(line, log=True)[1][0] < 0.05
    lower = line_chart([Line("a", [10.0, 0.0])], "x", log=True)
    assert lower is not None and not lower.log
