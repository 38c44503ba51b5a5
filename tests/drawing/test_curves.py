"""The curves' numbers by hand, and names that never lie over one another."""

from __future__ import annotations

import io
import itertools
import warnings
from unittest import mock

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from gencl.drawing.curves import Curve, apart, curves_csv, draw_curves, so_far
from gencl.drawing.names import shortened

R = [[1.0, None, None], [0.5, 0.75, None], [0.0, 0.5, 1.0]]


def test_the_mean_over_the_tasks_learned_so_far() -> None:
    assert so_far(R) == [1.0, 0.625, 0.5]
    assert so_far([[None, None], [0.5, 1.0]]) == [None, 0.75]  # joint training
    assert so_far([[1.0, None], [None, 1.0]]) == [1.0, None]


def test_mean_and_spread_over_seeds() -> None:
    curve = Curve.over([[1.0, 0.5], [0.5, 0.5], [0.75]])
    assert curve.mean == [0.75, 0.5] and curve.std == [0.25, 0.0] and curve.n == [3, 2]
    assert Curve.over([[0.5]]).std == [None] and not Curve.over([[0.5]]).level
    joint = Curve.over([[None, 0.75]])
    assert joint.level
    assert curves_csv("accuracy", {"a": curve, "joint": joint}).splitlines() == [
        "method,metric,tasks_learned,mean,std,n",
        "a,accuracy,1,0.75,0.25,3",
        "a,accuracy,2,0.5,0.0,2",
        "joint,accuracy,2,0.75,,1",
    ]


def test_names_are_moved_apart_and_stay_within() -> None:
    values = [0.0, 0.5, 0.51, 0.52, 0.97, 0.99, 1.0]
    places = apart(values, 0.08, 0.0, 1.0)
    assert all(b - a >= 0.08 - 1e-9 for a, b in itertools.pairwise(places))
    assert places[0] == 0 and places[-1] <= 1 + 1e-9 and places[2] == pytest.approx(0.51)
    assert len(apart([0.5] * 30, 0.08, 0.0, 1.0)) == 30  # more than fit


@pytest.mark.parametrize("metric", ["accuracy", "fid", "reconstruction"])
def test_the_picture_holds_any_number_of_methods(metric: str) -> None:
    curves = {f"method-{i}": Curve.over([so_far(R), [0.9, 0.8, 0.7]]) for i in range(19)}
    curves["joint"] = Curve.over([[None, None, 0.9]])
    first, again = (draw_curves(metric, curves, "digits-mlp", 2) for _ in range(2))
    assert first == again
    picture = Image.open(io.BytesIO(first))
    assert picture.height > 700 and picture.width > 1000
    formula = {"sgd:data.name=p$x_{$": Curve.over([so_far(R)])}
    assert draw_curves(metric, formula, "of $a_{$b", 1)  # what a user writes is no formula
    name = "sgd:" + "train.lr=0.1" * 30
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib's, where no room is left for the axes
        long = draw_curves(metric, {name: Curve.over([so_far(R)])}, "digits-mlp", 1)
    assert Image.open(io.BytesIO(long)).width < 1500
    one = draw_curves(metric, {"sgd": Curve.over([[0.5]])}, "one task", 1)
    assert Image.open(io.BytesIO(one)).format == "PNG"


def axes_of(*curves: Curve) -> Axes:
    """Return the axes on which the distances of some methods are drawn."""
    with mock.patch.object(Figure, "savefig", autospec=True) as saved:
        draw_curves("fid", {f"method-{i}": curve for i, curve in enumerate(curves)}, "preset", 2)
    (axes,) = saved.call_args.args[0].axes
    return axes


def test_a_band_below_zero_ends_within_a_logarithmic_axis() -> None:
    wide, joint = Curve([30, 40, 20], [10, 60, 25], [2] * 3), Curve([None, None, 12], [None, None, 1], [0, 0, 2])
    axes = axes_of(wide, Curve([10, 12, 9], [1, 2, 1], [2] * 3), joint)
    assert axes.get_yscale() == "log"
    lowest = [np.asarray(band.get_paths()[0].vertices)[:, 1].min() for band in axes.collections]
    assert lowest == [8, 8] and 5 < axes.get_ylim()[0] < 8  # 9 - 1
    negative = axes_of(Curve([-3, 40, 20], [None] * 3, [1] * 3), Curve([5, 5, 5], [9] * 3, [2] * 3))
    assert negative.get_yscale() == "linear" and negative.get_ylim()[0] < -4


@pytest.mark.parametrize(("last", "text"), [((2.4, 1.4, 0.9), "2.4 1.4 0.9"), ((24.4, 1.4, 10.2), "24 1 10")])
def test_values_at_the_ends_have_decimals_below_ten(last: tuple[float, ...], text: str) -> None:
    axes = axes_of(*(Curve([5.0, value], [None] * 2, [1] * 2) for value in last))
    names = dict(entry.get_text().split("  ") for entry in axes.texts)
    assert " ".join(names[f"method-{i}"] for i in range(3)) == text


def test_names_that_are_cut_keep_both_ends() -> None:
    assert shortened("anpyc", 8) == "anpyc" and shortened("x" * 24) == "x" * 24
    one, other = (shortened(f"anpyc+align:method.align.weight={value}") for value in (4, 16))
    assert one == "anpyc+align:met…weight=4" and other == "anpyc+align:met…eight=16"
    assert len(one) == len(other) == 24
