"""The table of a run on a narrow terminal, names that look like markup, and the order of pictures."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from gencl.core.progress import Reporter
from gencl.reports.folding import folded
from gencl.reports.tables import evaluation_table, run_table
from gencl.runs.folder import RunFolder


@pytest.mark.parametrize(
    ("features", "name"), [("digits", "(digits)"), ("inception", "FID"), ("imagenet-lite0", "Lite0)")]
)
def test_four_measures_of_a_run_fit_into_80_columns(features: str, name: str) -> None:
    """Heads and figures whole, a task's values of both times in one line."""
    names = ("conditional_accuracy", "fid", "kid", "reconstruction")
    values = dict(zip(names, ([0.31, 1.0], [2345.6, 43.2], [98765.0, 1234.0], [0.1231, 0.0123]), strict=True))
    matrices = {name: [[first, None], [last, first]] for name, (first, last) in values.items()}
    table = run_table(
        {"tasks": ["0", "1"], "matrices": matrices, "floor": {"fid": 14.4}, "features": {"name": features}}
    )
    out = io.StringIO()
    Console(file=out, width=80).print(table)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80 and "…" not in out.getvalue()
    (row,) = (line for line in lines if line.startswith("│ 0 "))
    cells = [" ".join(cell.split()) for cell in row.strip("│").split("│")][1:]
    assert cells == ["31.0 → 100.0", "2345.6 → 43.2", "98765 → 1234", "0.123 → 0.0123"]
    assert all(word in out.getvalue() for word in ("conditional", "accuracy %", name, "KID", "squared", "error"))


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_an_evaluation_of_many_metrics_is_folded_and_no_number_is_cut(width: int) -> None:
    names = ["fid", "kid", "conditional_accuracy", "precision", "recall", "drift", "isc", "memorisation", "fid_fashion"]
    row = {name: 12345.6 + place for place, name in enumerate(names)}
    features = {"name": "imagenet-lite0", "version": "1"}
    tasks = [{"task": "celebrities", **row}, {"task": "anime", **row}]
    table = evaluation_table({"features": features, "n": 2000, "tasks": tasks, "mean": row, "floor": row})
    out = io.StringIO()
    console = Console(file=out, width=width)
    parts = folded(table, console)
    for part in parts:
        console.print(part, markup=False)
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= width and "…" not in text
    assert text.count("celebrities") == len(parts) > 1
    assert text.count("12345.6") == 4 and all(word in text for word in ("conditional", "EfficientNet-", "memorisation"))
    assert len(folded(table, Console(file=out, width=200))) == 1


def test_names_with_brackets_are_shown_as_they_are() -> None:
    table = run_table({"tasks": ["[/data/a]", "[bold]"], "matrices": {"accuracy": [[0.5, None], [0.4, 0.6]]}})
    out = io.StringIO()
    Console(file=out, width=80).print(table, markup=False)
    assert "│ [/data/a] │" in out.getvalue() and "│ [bold]" in out.getvalue()


def test_a_bar_shows_a_label_with_brackets_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter(2, 0, "bar")
    with reporter:
        reporter.doing("domains=[/a,/b]")
    assert "domains=[/a,/b]" in capsys.readouterr().err


def test_grids_come_in_the_order_of_the_tasks(tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    for task in (100, 10, 9, 99):
        (tmp_path / "samples" / f"task-{task:02d}.png").touch()
    names = [path.name for path in RunFolder(tmp_path).grids()]
    assert names == ["task-09.png", "task-10.png", "task-99.png", "task-100.png"]
