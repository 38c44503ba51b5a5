"""Curves by CPU time: points of averaged and live weights, and the committed page and picture."""

from __future__ import annotations

import curves as page
import torch

from benchmarks.curves import VARIANTS, curve
from gencl import presets
from gencl.runs.build import make_scenario


def test_a_curve_has_a_point_at_each_mark_and_trains_no_longer() -> None:
    sets = ["scenario.tasks=2", "train.steps=1000000", "train.half_life=100", "evaluate.samples=20", "evaluate.also=[]"]
    settings = presets.resolve("digits-cgan", method="joint", assignments=[*sets, *VARIANTS["plain, bilinear"]])
    scenario = make_scenario(settings, None)
    torch.manual_seed(0)
    measured = curve(settings, scenario, [0.5, 1.0])
    first, last = measured["points"]
    assert 0.5 <= first["seconds"] < last["seconds"] and 0 < first["steps"] < last["steps"]
    assert all(point[key] > measured["real"] > 0 for point in (first, last) for key in ("averaged", "live"))
    assert measured["features"] == "digits" and measured["parameters"] > 0


def test_the_committed_page_is_made_of_the_committed_points() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.page(), "run python docs/generate/curves.py"
    assert page.PICTURE.read_bytes().startswith(b"\x89PNG") and page.picture().startswith(b"\x89PNG")
