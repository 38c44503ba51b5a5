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
from gencl.reports.significance import of_seeds
from gencl.reports.ties import TIED, comparisons
from tests.conftest import tiny


class Page(HTMLParser):
    """The text of a page, what of it is bold, and its pictures."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.bold = "", ""
        self.pictures: list[Image.Image] = []
        self._inside: list[bool] = []
        self.feed(page)

    @property
    def rows(self) -> list[list[str]]:
        """The cells of the table's rows."""
        lines = [line.strip("│").split("│") for line in self.text.splitlines() if line.startswith("│")]
        return [[cell.strip() for cell in line] for line in lines]

    def handle_data(self, data: str) -> None:
        self.text += data
        self.bold += data if any(self._inside) else ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "span":
            self._inside.append("bold" in (dict(attrs)["style"] or ""))
        if tag == "img":
            source = re.sub("^data:image/png;base64,", "", dict(attrs)["src"] or "")
            self.pictures.append(Image.open(io.BytesIO(base64.b64decode(source))))

    def handle_endtag(self, tag: str) -> None:
        if tag == "span":
            self._inside.pop()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> gencl.Run:
    out = tmp_path_factory.mktemp("notebook") / "run"
    return gencl.train("digits-cgan", "sgd", 0, out, set=tiny("digits-cgan"), progress="silent")


def test_a_run_is_a_table_and_its_grid(run: gencl.Run) -> None:
    page = Page(run._repr_html_() or "")
    matrix = run.metrics["matrices"]["fid"]
    assert "sgd on digits-cgan, seed 0" in page.text and "overall: " in page.text
    for j, (row, task) in enumerate(zip(page.rows, run.metrics["tasks"], strict=False)):
        assert row[0] == task
        assert any(cell.split() == [shown("fid", matrix[j][j]), "→", shown("fid", matrix[-1][j])] for cell in row)
    (grid,) = page.pictures
    assert grid.size == Image.open(run.path / "samples" / "task-03.png").size
    assert run.report == run.path / "report.html" and run.report.is_file()


def test_samples_are_a_picture(run: gencl.Run) -> None:
    picture = run.sample([0, 2], n=8)
    assert Image.open(io.BytesIO(picture._repr_png_())).size == picture.size


def test_an_evaluation_is_a_table_and_plain_json(run: gencl.Run) -> None:
    evaluation = run.evaluate(n=20)
    rows = {row[0]: row for row in Page(evaluation._repr_html_()).rows}
    assert shown("fid", evaluation["mean"]["fid"]) in rows["all" if evaluation["features"].get("pooled") else "mean"]
    assert json.loads(json.dumps(evaluation)) == json.loads((run.path / "evaluation.json").read_text())


def test_a_comparison_is_the_terminals_table_with_what_is_bold_and_what_failed() -> None:
    values = {"sgd": [0.2, 0.3, 0.1], "<b>": [0.8, 0.9, 0.7], "joint": [0.9, 0.9, 0.91]}
    rows = {name: {"status": "done", "acc": of_seeds(accs)} for name, accs in values.items()}
    rows["ewc"] = {"status": "failed", "error": "a <loss> became nan"}
    results = {"preset": "digits", "seeds": [0, 1, 2], "methods": rows, "paper": {"sgd": {"source": "X", "acc": 0.25}}}
    results["comparisons"] = comparisons({name: rows[name] for name in values}, None)
    page = Page(Shown(results, comparison_html)._repr_html_())
    assert page.rows == [
        ["sgd", "20.00 ± 10.00"],
        ["published", "25.00"],
        ["<b>", "80.00 ± 10.00"],
        ["joint", "90.33 ± 0.58"],
        ["ewc", "-"],
    ]
    assert "80.00" in page.bold and "20.00" not in page.bold and "90.33" not in page.bold
    assert "Bold: better than every other method" in page.text and "ewc: a <loss> became nan" in page.text


def test_ties_are_marked() -> None:
    rows = {name: {"status": "done", "acc": of_seeds([0.8, 0.9, 0.7 + k])} for k, name in ((0, "sgd"), (0.1, "ewc"))}
    results = {"preset": "x", "seeds": [0, 1, 2], "methods": rows, "paper": {}, "comparisons": comparisons(rows, None)}
    page = Page(comparison_html(results))
    assert [row[1].endswith(f" {TIED}") for row in page.rows] == [True, True] and "±" not in page.bold


def test_a_run_that_has_not_learned_anything_shows_its_name(tmp_path: Path) -> None:
    empty = gencl.Run(tmp_path)
    assert empty._repr_html_() is None and repr(empty) == f"Run('{tmp_path}')"
