"""Distances in the features of a second extractor, beside the first one's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gencl
from gencl.core.errors import UsageError
from gencl.core.settings import EvaluateSettings
from gencl.experiments.compare import compare
from gencl.metrics.evaluator import Evaluator
from gencl.metrics.figures import label, meanings
from gencl.reports.comparison_tables import comparison_markdown
from gencl.run import Run
from tests.conftest import gencl as command
from tests.conftest import grown, tiny
from tests.metrics.copying import Copying


def evaluator(*sets: str, **options: object) -> Evaluator:
    settings = gencl.resolve("digits-cgan", assignments=[*tiny("digits-cgan"), *sets])
    learner, scenario = grown(settings, tasks=3)
    return Evaluator(learner, scenario, settings.evaluate, 0, **options)  # type: ignore[arg-type]


@pytest.mark.numeric
def test_they_are_those_of_the_second_extractor_alone() -> None:
    both, alone = evaluator("evaluate.also=[fashion]"), evaluator("evaluate.also=[]", "evaluate.features=fashion")
    beside, wanted = (one.evaluation(one.snapshot(one.scenario.tasks, final=True)) for one in (both, alone))
    for name in ("fid", "kid"):
        assert beside["mean"][f"{name}_fashion"] == pytest.approx(wanted["mean"][name], rel=1e-5)
        assert beside["floor"][f"{name}_fashion"] == pytest.approx(wanted["floor"][name], rel=1e-5)
        assert beside["mean"][name] != wanted["mean"][name]
    assert beside["features"]["also"] == [{"name": "fashion", "version": "1"}]
    assert beside["features"]["pooled"] == wanted["features"]["pooled"] and "also" not in wanted["features"]


@pytest.mark.numeric
def test_what_draws_real_images_is_near_by_both() -> None:
    both = evaluator("evaluate.also=[fashion]", "evaluate.samples=100")
    untrained = both.evaluation(both.snapshot(both.scenario.tasks, final=True))["mean"]
    copies = both.evaluation(Copying(both.learner, both.conditions, both.scenario.tasks, keep=True))["mean"]
    for name in ("fid", "kid", "fid_fashion", "kid_fashion"):
        assert copies[name] < 0.1 * untrained[name], name


def test_only_distances_that_are_asked_for() -> None:
    both = evaluator("evaluate.also=[fashion]", only=["fid"])
    assert [metric.name for metric in both.final_metrics] == ["fid_fashion"]
    assert evaluator("evaluate.also=[fashion]", only=["prc"]).further == []
    same = evaluator("evaluate.also=[fashion]", "evaluate.features=fashion")
    assert same.further == [] and "also" not in (same.features() or {})


def test_an_extractor_that_does_not_suit_is_left_out_and_an_unknown_one_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert evaluator("evaluate.also=[fashion]", "data.size=16").further == []
    said = " ".join(capsys.readouterr().err.split())
    assert "evaluate.also: fashion is left out: fashion reads 28x28 only" in said
    with pytest.raises(UsageError, match="fashion"):
        evaluator("evaluate.also=[fashoin]")


def test_settings_of_runs_that_had_no_second_extractor_stay_the_same() -> None:
    assert "also" not in EvaluateSettings().model_dump(mode="json")
    preset = gencl.resolve("digits-cgan")
    assert preset.evaluate.also == ("fashion",) and "also:" in preset.to_yaml()
    assert "also" not in gencl.resolve("digits-cgan", assignments=["evaluate.also=[]"]).to_yaml()


def test_tables_name_them(tmp_path: Path) -> None:
    results = compare(
        "sgd",
        out=tmp_path,
        preset="digits-cgan",
        set=[*tiny("digits-cgan"), "evaluate.also=[fashion]"],
        progress="silent",
    )
    row, run = results["methods"]["sgd"], Run(tmp_path / "sgd" / "seed-0")
    for key in ("fid_fashion", "kid_fashion"):
        assert row[key]["mean"] == run.metrics["summary"][key] == run.evaluation["mean"][key]
        assert results["methods"]["real"][key]["mean"] == run.metrics["floor"][key] < row[key]["mean"]
        assert label(key) in comparison_markdown(results, "gencl compare")
        assert label(key) in (run.path / "report.html").read_text(encoding="utf-8")
    assert "extractor fashion" in meanings(["fid_fashion"])["fid_fashion"]
    shown = command("evaluate", run.path, "--features", "fashion", "--json")
    assert json.loads(shown.stdout)["mean"]["fid"] == pytest.approx(row["fid_fashion"]["mean"], rel=1e-5)
