"""What figures are called, how they are shown and compared: as metrics declare it, also those of plug-ins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import gencl
from gencl.core.errors import UsageError
from gencl.metrics import EXTRACTORS, METRICS
from gencl.metrics.check import figures_problem
from gencl.metrics.figures import (
    BY_CLASS,
    COSTS,
    DISTANCES,
    Figure,
    added_figures,
    cell,
    figure,
    heading,
    label,
    main_figures,
    meaning,
    shown,
)
from gencl.plugins import load_plugin, unload_plugin
from gencl.reports.comparison_tables import comparison_markdown
from gencl.reports.page import capital, lower_is_better
from gencl.reports.significance import of_seeds
from gencl.reports.ties import comparisons, shown_differences
from tests.conftest import tiny

RESULTS = Path(__file__).parents[2] / "results"
R = [[0.9, None, None], [0.8, 0.7, None], [0.5, 0.7, 1.0]]
PLUGIN = """
from gencl import Figure, Metric
class Mine(Metric):
    '''Mine.'''
    name = "mine"
    {declares}
    @staticmethod
    def applies(learner, extractor): return ""
    def measure(self, snapshot, task): return 0.25
PLUGINS = {{"metrics": {{"mine": Mine}}}}
"""
SHARE = """figures = {"mine": Figure("my share", "share", "lower", "how much", main=True)}"""


@contextmanager
def plugin(folder: Path, declares: str) -> Iterator[None]:
    """A metric with these class attributes is loaded."""
    file = folder / "mine.py"
    file.write_text(PLUGIN.format(declares=declares))
    load_plugin(file)
    try:
        yield
    finally:
        unload_plugin(file)


@pytest.mark.parametrize("name", list(METRICS))
def test_metrics_declare_each_figure_of_theirs(name: str) -> None:
    kind = METRICS.get(name)
    assert figures_problem(name, kind) == "" and kind.figures[name].better
    assert all(one.meaning for one in kind.figures.values())
    assert set(kind().summary(R)) - {name} <= set(kind.figures) and kind.ahead in ["", *kind.figures]


def test_no_figure_is_declared_twice() -> None:
    names = [*COSTS, *(figure for name in METRICS for figure in METRICS.get(name).figures)]
    assert len(names) == len(set(names))


def test_committed_results_hold_no_figure_that_nothing_describes() -> None:
    declared = {figure for name in METRICS for figure in METRICS.get(name).figures} | set(COSTS)
    declared |= {f"{distance}_{extractor}" for distance in DISTANCES for extractor in EXTRACTORS}  # evaluate.also
    declared |= {f"{name}{BY_CLASS}" for name in METRICS}  # where classes come in several tasks
    stored = {
        key
        for file in RESULTS.glob("*/results.json")
        for row in json.loads(file.read_text()).get("methods", {}).values()
        for key, value in row.items()
        if isinstance(value, dict) and "mean" in value
    }
    assert stored and stored <= declared


def test_a_mean_over_classes_is_shown_as_the_figure_that_it_is_of() -> None:
    one, other = figure("fid_by_class"), figure("fid")
    assert (one.label, one.unit, one.better) == ("FD per class", other.unit, other.better) and not one.main
    assert heading("conditional_accuracy_by_class") == "conditional accuracy per class %"


def test_how_figures_are_shown() -> None:
    assert [shown("acc", 0.98765), shown("accuracy", 0.98765), shown("acc", None)] == ["98.77", "98.8", "-"]
    assert [shown("fid", 123.45), shown("fid", 0.0123), shown("kid", 123.45)] == ["123.5", "0.012", "123"]
    assert [shown("drift", 0.012345), shown("shared", 1234567), shown("peak_memory_bytes", 2.5e6)] == [
        "0.0123",
        "1,234,567",
        "2.5",
    ]
    assert (heading("acc"), capital("acc"), heading("fid"), heading("peak_memory_bytes")) == (
        "acc %",
        "ACC",
        "FD",
        "peak memory MB",
    )
    assert [capital(name) for name in ("acc", "aaa", "bwt", "fwt", "smt")] == ["ACC", "AAA", "BWT", "FWT", "SMT"]
    assert cell("acc", {"mean": 0.9876, "std": 0.0123}) == "98.76 ± 1.23"
    assert main_figures() == ["accuracy", "acc", "normalised_return", "fid", "fid_all", "reconstruction"]


def test_a_distance_is_called_fid_in_inceptions_features_alone() -> None:
    inception, lite, unknown = ({"name": name} for name in ("inception", "imagenet-lite0", "somebodys"))
    assert [label("fid", one) for one in (inception, lite, unknown, {}, None)] == [
        "FID", "FD (EfficientNet-Lite0)", "FD (somebodys)", "FD", "FD",
    ]  # fmt: skip
    assert [label("fid_forgetting", one) for one in (inception, lite)] == ["FID forgetting", "FD forgetting"]
    assert [label("kid", one) for one in (inception, lite)] == ["KID", "KID (EfficientNet-Lite0)"]
    assert [label("recall", one) for one in (inception, lite)] == ["recall", "recall"]
    assert [label("fid_inception"), label("fid_imagenet-lite0")] == ["FID", "FD (EfficientNet-Lite0)"]
    assert label("fid_imagenet-lite0", inception) == "FD (EfficientNet-Lite0)"


def test_distances_of_further_extractors_and_what_nobody_declares() -> None:
    further, first = figure("kid_my-own"), figure("kid")
    assert further.label == "KID (my-own)" and "extractor my-own" in further.meaning
    assert (further.unit, further.better) == (first.unit, first.better) == ("kernel distance", "lower")
    assert figure("gone_since") == Figure("gone since") and figure("fid_") == Figure("fid ")
    assert (heading("reading_accuracy"), figure("reading_accuracy").better) == ("reading accuracy %", "higher")


def test_a_plugins_figure_is_shown_as_it_says(tmp_path: Path) -> None:
    rows = {
        method: {"status": "done", "mine": of_seeds(values)}
        for method, values in {"sgd": [0.8, 0.9, 0.7], "ewc": [0.2, 0.3, 0.1]}.items()
    }
    results = {"preset": "x", "seeds": [0, 1, 2], "methods": rows, "paper": {}}
    assert comparisons(rows, None) == {} and "mine" not in comparison_markdown(results, "x")
    with plugin(tmp_path, SHARE):
        assert (heading("mine"), shown("mine", 0.25), added_figures()) == ("my share %", "25.00", ["mine"])
        assert lower_is_better("mine") and main_figures()[-1] == "mine"
        results["comparisons"] = comparisons(rows, None)
        assert results["comparisons"]["mine"]["best"] == "ewc" and shown_differences(results) == ["mine"]
        text = comparison_markdown(results, "x")
        assert "| my share % |" in text and "| ewc | 3 | **20.00 ± 10.00** |" in text
    assert figure("mine") == Figure("mine")


def test_a_report_of_a_run_shows_a_plugins_figure(tmp_path: Path) -> None:
    with plugin(tmp_path, SHARE):
        run = gencl.train("digits-mlp", "sgd", 0, tmp_path / "run", set=tiny("digits-mlp"), progress="silent")
        assert run.metrics["summary"]["mine"] == 0.25
        page = run.report.read_text(encoding="utf-8")
        assert '<th scope="row">My share</th><td>25.00 %</td>' in page and "how much" in page
        assert "my share 25.00 %" in (run._repr_html_() or "")


def test_a_metric_of_an_older_plugin_needs_no_figures(tmp_path: Path) -> None:
    with plugin(tmp_path, 'better = "lower"; when = "at the end"'):
        assert figure("mine") == Figure("mine", better="lower") and lower_is_better("mine")
        assert (label("mine"), shown("mine", 12.34)) == ("mine", "12.3")


@pytest.mark.parametrize(
    ("declares", "message"),
    [
        ("pass", "Mine.better must be 'higher' or 'lower'"),
        ('figures = {"other": Figure("x", "share", "lower")}', "Mine.figures must hold a Figure for 'mine'"),
        ("figures = ['mine']", "Mine.figures must hold a Figure for 'mine'"),
        ('figures = {"mine": "share"}', "Mine.figures['mine'] must be a gencl.Figure"),
        ('figures = {"mine": Figure("x", "percent", "lower")}', "Mine.figures['mine'].unit must be 'share' or"),
        ('figures = {"mine": Figure("x", better="less")}', "Mine.figures['mine'].better must be 'higher' or 'lower'"),
        ('figures = {"mine": Figure("x")}', "Mine.figures['mine'].better must be 'higher' or 'lower'"),
        ('figures = {"mine": Figure("", better="lower")}', "Mine.figures['mine'] needs a label"),
        ('figures = {"mine": Figure("x", better="lower", meaning=1)}', "Mine.figures['mine'] needs a label"),
    ],
)
def test_what_a_plugin_declares_wrongly_is_told_in_one_line(declares: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as told, plugin(tmp_path, declares):
        pass
    assert message in str(told.value) and "\n" not in str(told.value) and "mine.py, line 3" in str(told.value)


def test_a_package_that_cannot_be_imported_does_not_stand_in_the_way_of_a_table() -> None:
    METRICS.add("broken", "gencl.no_module:Broken", "from extra", source="extra")
    try:
        assert figure("nothing").label == "nothing" and added_figures() == [] and "acc" in main_figures()
    finally:
        METRICS.remove("broken")


def test_the_meaning_of_a_pooled_distance_says_so() -> None:
    assert "mean over the tasks" in meaning("fid")
    pooled = meaning("fid", {"pooled": ["fid"]})
    assert "all tasks together" in pooled and "mean" not in pooled
