"""Reports: what they say, that they can be used without eyes or a mouse, and that nothing of a user's is markup."""

from __future__ import annotations

import itertools
import json
import shlex
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import gencl
from gencl import presets
from gencl.core import files
from gencl.core.errors import GenclError
from gencl.drawing.charts import STEP, Line, line_chart
from gencl.metrics.figures import cell
from gencl.reports import comparison, ties
from gencl.reports.html import render
from gencl.reports.learned import told as _told
from gencl.reports.repeat import train_command
from gencl.reports.significance import of_seeds
from tests.conftest import tiny

RESULTS = Path(__file__).parents[2] / "results" / "mnist-cgan"
R = [[0.9, None, None], [0.8, 0.7, None], [0.5, 0.7, 1.0]]


class Page(HTMLParser):
    """The elements of a page: (name, attributes); void and svg elements alike."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> gencl.Run:
    out = tmp_path_factory.mktemp("report") / "run"
    return gencl.train("digits-vae", "anpyc", out=out, set=tiny("digits-vae"), progress="silent")


@pytest.fixture
def compared(tmp_path: Path) -> Path:
    """A comparison's results without its runs, in the old form: no values of single seeds, hence no differences."""
    content = json.loads((RESULTS / "results.json").read_text(encoding="utf-8"))
    for row in content["methods"].values():
        for figure in row.values():
            if isinstance(figure, dict):
                figure.pop("values", None)
    del content["comparisons"]
    files.write_json(tmp_path / "results.json", content)
    shutil.copy(RESULTS / "curves.csv", tmp_path)
    return tmp_path


def test_pictures_of_a_user_beside_the_grids_are_left_out(run: gencl.Run) -> None:
    mine, text = run.path / "samples" / "task-01-mine.png", render(run)
    shutil.copy(run.grids()[0], mine)
    assert [path.name for path in run.grids()] == [f"task-0{number}.png" for number in (1, 2, 3)]
    assert render(run) == text
    mine.unlink()


@pytest.mark.parametrize("kind", ["run", "comparison"])
def test_everything_has_a_name_for_those_who_do_not_see_it(kind: str, request: pytest.FixtureRequest) -> None:
    text = render(request.getfixturevalue("run")) if kind == "run" else comparison.render(RESULTS)
    page = Page(text)
    assert page.all("html") == [{"lang": "en"}] and len(page.all("h1")) == 1
    assert all(image["alt"] and str(image["src"]).startswith("data:image/") for image in page.all("img"))
    assert len(page.all("caption")) == len(page.all("table")) > 1
    assert all(head.get("scope") for head in page.all("th"))
    assert all(chart.get("role") == "img" and chart.get("aria-label") for chart in page.all("svg"))
    labels = {label["for"] for label in page.all("label")}
    assert all(field["id"] in labels for field in page.all("input"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids) and "http" not in text
    assert bool(page.all("svg")) and (kind == "comparison" or bool(page.all("input")))


def test_a_run_tells_what_was_kept_and_how_to_repeat_it(run: gencl.Run) -> None:
    text = render(run)
    for told in ("had just been learned", "Squared error over time", "image/gif", "after task 3 of 3", "train.steps=6"):
        assert told in text, told
    assert _told("accuracy", R, ["a", "b", "c"]).endswith("Task “a” lost most: from 90.0 % to 50.0 %.")
    assert _told("accuracy", [[0.5, None], [0.6, 0.7]], ["a", "b"]).endswith("No task lost anything.")
    assert not _told("accuracy", [[None, None], [0.5, 0.6]], ["a", "b"])  # joint training


def test_a_comparison_stands_beside_the_papers(compared: Path) -> None:
    text = comparison.render(compared)
    content = json.loads((compared / "results.json").read_text(encoding="utf-8"))
    methods = [name for name in content["methods"] if name != "real"]
    fid: dict[str, float] = content["methods"]["anpyc"]["fid_first_half"]
    for told in (
        cell("fid_first_half", fid),
        "50.7 ± 2.4",
        "ANPyC table III",
        f"{len(methods)} methods on mnist-cgan",
        "--seeds 0,1,2",
    ):
        assert told in text, told
    page = Page(text)
    assert len([line for line in page.all("polyline") if not line.get("class")]) == len(content["methods"]) and {
        "class": "published"
    } in page.all("tr")
    assert not [cell for cell in page.all("td") if cell.get("class") == "best"]
    assert "Nothing is bold: results.json holds no values of single seeds" in text  # it is an old one


def test_what_is_better_beyond_ties_is_bold(tmp_path: Path) -> None:
    accuracies = {"ewc": [0.90, 0.91, 0.92], "mas": [0.90, 0.92, 0.91], "sgd": [0.5, 0.51, 0.53], "joint": [0.99] * 3}
    rows = {name: {"status": "done", "acc": of_seeds(values)} for name, values in accuracies.items()}
    for tied, bold in ((["ewc", "mas"], 0), (["ewc"], 1)):
        some = {name: row for name, row in rows.items() if name in (*tied, "sgd", "joint")}
        content = {"schema": 1, "preset": "split-mnist", "seeds": [0, 1, 2], "methods": some, "paper": {}}
        compared = {"baseline": "sgd", "comparisons": ties.comparisons(some, "sgd")}
        files.write_json(tmp_path / "results.json", {**content, **compared})
        text = comparison.render(tmp_path)
        assert len([cell for cell in Page(text).all("td") if cell.get("class") == "best"]) == bold
        assert text.count(" ≈</td>") == (0 if bold else len(tied))
        assert "paired t test over seeds" in text and "minus sgd" in text


def test_labels_are_text(compared: Path) -> None:
    evil = "sgd:<script>alert(1)</script>\"'"
    results = json.loads((compared / "results.json").read_text())
    results["methods"][evil] = {"status": "failed", "error": "<img src=x onerror=alert(2)>"}
    (compared / "results.json").write_text(json.dumps(results))
    text = comparison.render(compared)
    assert "<script>alert" not in text and "<img src=x" not in text and "&lt;script&gt;alert(1)" in text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("results.json", "{"),
        ("results.json", '{"preset": "x", "seeds": [], "methods": {}, "paper": {}}'),
        ("results.json", '{"preset": "x", "seeds": [0], "methods": {"a": {"fid": 3}}, "paper": {}}'),
        ("curves.csv", "method,metric,tasks_learned,mean,std,n\nsgd,fid,9999999999,1,,1\n"),
        ("curves.csv", "method,metric\nsgd,fid\n"),
    ],
)
def test_damaged_comparisons_are_refused_in_one_line(name: str, content: str, compared: Path) -> None:
    (compared / name).write_text(content)
    with pytest.raises(GenclError) as error:
        comparison.render(compared)
    assert name in str(error.value) and "\n" not in str(error.value)


def test_charts_keep_names_apart_and_values_inside() -> None:
    lines = [Line(f"m{i}", [100.0, 100.0 + i / 10], [50.0, 200.0]) for i in range(19)]
    chart = line_chart([*lines, Line("joint", [None, 1.0], level=True)], "FD", log=True)
    assert chart is not None and chart.log
    places = sorted(line.label_y for line in chart.lines)
    assert all(b - a > STEP - 0.2 for a, b in itertools.pairwise(places))
    ends = [line.end for line in chart.lines]
    assert all(chart.left <= x <= chart.right and chart.top <= y <= chart.bottom for x, y in ends)
    assert line_chart([Line("joint", [None, 0.5])], "ACC") is None


SETTINGS: list[tuple[str, str, dict[str, Any]]] = [
    ("digits-cgan", "anpyc", {}),
    ("mnist-cgan", "anpyc+align", {"method.anpyc.lambda": 3, "train.betas": [0.5, 0.9], "data.name": "./my pictures"}),
    ("split-mnist", "dgr", {"model.generator.name": "vae", "train.optimizer": "adam"}),
]


@pytest.mark.parametrize(("preset", "method", "changes"), SETTINGS)
def test_the_command_to_repeat_gives_the_same_settings(preset: str, method: str, changes: dict[str, Any]) -> None:
    settings = presets.resolve(preset, method=method, seed=7, assignments=changes)
    words = shlex.split(train_command(settings).replace(" --data-root DIR", ""))
    options = list(zip(words[2::2], words[3::2], strict=True))
    sets = [value for option, value in options if option == "--set"]
    chosen = dict(option for option in options if option[0] != "--set")
    assert chosen == {"--preset": preset, "--method": method, "--seed": "7"}
    assert presets.resolve(preset, method=method, seed=7, assignments=sets) == settings


def test_pictures_are_of_the_tasks_that_they_are_named_for(run: gencl.Run, tmp_path: Path) -> None:
    """Also where those of later tasks are not there, since the run was stopped."""
    folder = shutil.copytree(run.path, tmp_path / "stopped")
    (folder / "samples" / "task-03.png").unlink()
    text = render(gencl.load_run(folder))
    first, second = run.metrics["tasks"][:2]
    assert f"After task 1: {first}" in text and f"After task 2: {second}" in text and "After task 3:" not in text
