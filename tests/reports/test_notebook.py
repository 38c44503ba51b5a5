"""What a notebook shows: the numbers of the files, and pictures that open."""

from __future__ import annotations

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

import gencl
from gencl.metrics.figures import shown
from gencl.reports.notebook import Shown, comparison_html
from tests.conftest import tiny


class Cells(HTMLParser):
    """The texts of a page's table, and its pictures."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.pictures: list[Image.Image] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            source = re.sub("^data:image/png;base64,", "", dict(attrs)["src"] or "")
            self.pictures.append(Image.open(io.BytesIO(base64.b64decode(source))))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> gencl.Run:
    out = tmp_path_factory.mktemp("notebook") / "run"
    return gencl.train("digits-cgan", "sgd", 0, out, set=tiny("digits-cgan"), progress="silent")


def test_a_run_is_a_table_and_its_grid(run: gencl.Run) -> None:
    page = Cells(run._repr_html_() or "")
    last = run.metrics["matrices"]["fid"][-1]
    assert "sgd on digits-cgan, seed 0" in page.texts and all(shown("fid", value) in page.texts for value in last)
    (grid,) = page.pictures
    assert grid.size == Image.open(run.path / "samples" / "task-03.png").size
    assert run.report == run.path / "report.html" and run.report.is_file()


def test_samples_are_a_picture(run: gencl.Run) -> None:
    picture = run.sample([0, 2], n=8)
    assert Image.open(io.BytesIO(picture._repr_png_())).size == picture.size


def test_an_evaluation_is_a_table_and_plain_json(run: gencl.Run) -> None:
    found = run.evaluate(n=20)
    assert shown("fid", found["mean"]["fid"]) in Cells(found._repr_html_()).texts
    assert json.loads(json.dumps(found)) == json.loads((run.path / "evaluation.json").read_text())


def test_a_comparison_is_a_table_with_its_failures_beneath() -> None:
    acc = {"acc": {"mean": 0.9876, "std": 0.0123, "n": 2}}
    rows = {"sgd": {"status": "done", **acc}, "<b>": {"status": "failed", "error": "a loss became nan"}}
    page = Cells(Shown({"methods": rows}, comparison_html)._repr_html_())
    assert page.texts == ["method", "acc %", "sgd", "98.76 ± 1.23", "<b>", "-", "<b>: a loss became nan"]


def test_a_run_that_has_not_learned_anything_shows_its_name(tmp_path: Path) -> None:
    empty = gencl.Run(tmp_path)
    assert empty._repr_html_() is None and repr(empty) == f"Run('{tmp_path}')"
