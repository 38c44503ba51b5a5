"""What a report shows at first sight: pictures and three figures, losses, lines that are told apart."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

import gencl
from gencl.drawing.losses import POINTS, loss_charts
from gencl.reports import comparison
from gencl.reports.html import render
from tests.conftest import tiny
from tests.reports.test_html import RESULTS

BLINDNESS = {
    "none": np.eye(3),
    "protan": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "deutan": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
}
"""Machado, Oliveira and Fernandes (2009), on linear RGB."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> gencl.Run:
    out = tmp_path_factory.mktemp("look") / "run"
    return gencl.train("digits-vae", "joint", out=out, set=tiny("digits-vae"), progress="silent")


def test_pictures_come_first_then_three_cards(run: gencl.Run) -> None:
    text = render(run)
    assert "real training images at the left" in text and (run.path / "samples" / "beside-real.png").is_file()
    assert text.index("<img") < text.index('<dl class="figures">') < text.index("All figures</h2>")
    cards = text.split('<dl class="figures">')[1].split("</dl>")[0]
    assert cards.count("<dt>") == 3 and "KID" not in cards
    (run.path / "samples" / "beside-real.png").rename(run.path / "samples" / "hidden")
    try:
        assert "Generated images: a row per class" in render(run)
    finally:
        (run.path / "samples" / "hidden").rename(run.path / "samples" / "beside-real.png")


def test_joint_training_has_no_empty_rows_or_columns(run: gencl.Run) -> None:
    text = render(run)
    heat = text.split('<table class="heat">')[1].split("</table>")[0]
    assert heat.count("<tr>") == 2 and ">learned</th>" not in text and ">change</th>" not in text


def test_losses_are_a_chart_per_stage_with_bands(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    entries = [
        {"task": task, "stage": stage, "step": before + step, "lr": 1, "loss": {"one": 1 + step, "other": 2.0}}
        for task in ("a", "b")
        for stage, before in (("train", 0), ("retrain", 499))
        for step in range(1, 500)
    ]
    log.write_text("{damaged\n[1]\n" + "".join(json.dumps(entry) + "\n" for entry in entries))
    charts = loss_charts(log)
    assert [chart.stage for chart in charts] == ["train", "retrain"]
    assert [name for name, _, _ in charts[0].bands] == ["a", "b"] and [chart.steps for chart in charts] == [998] * 2
    assert all(len(points.split()) <= POINTS for _, points, _ in charts[0].lines)
    assert loss_charts(tmp_path / "absent") == []


def test_lines_say_their_values_and_dashes_are_explained_where_there_are_any(tmp_path: Path) -> None:
    for name in ("results.json", "curves.csv"):
        shutil.copy(RESULTS / name, tmp_path)
    text = comparison.render(tmp_path)
    assert "Dashed across: joint" in text and re.search(r"<title>sgd, after 3 tasks: [\d.]+</title>", text)
    rows = (tmp_path / "curves.csv").read_text().splitlines()
    kept = [row for row in rows if not row.startswith(("joint", "real"))]
    (tmp_path / "curves.csv").write_text("\n".join(kept) + "\n")
    assert "Dashed" not in comparison.render(tmp_path)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_colours_are_told_apart_with_every_kind_of_sight(mode: str) -> None:
    css = (resources.files("gencl") / "reports" / "page.css.j2").read_text()
    block = css.split("prefers-color-scheme: dark")[mode == "dark"]
    colours = [re.search(rf"--{name}: #(\w{{6}})", block) for name in [f"c{i}" for i in range(8)]]
    linear = [np.array([int(found[1][i : i + 2], 16) / 255 for i in (0, 2, 4)]) ** 2.2 for found in colours if found]
    assert len(linear) == 8
    for matrix in BLINDNESS.values():
        seen = [np.clip(matrix @ colour, 0, 1) ** (1 / 2.2) for colour in linear]
        assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 0.15
