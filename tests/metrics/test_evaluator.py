"""Which metrics are measured when, what they come to, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import gencl
from gencl.api import train
from gencl.core.errors import UsageError
from gencl.metrics import GROUPS, METRICS
from gencl.metrics.evaluator import Evaluator
from gencl.metrics.fitting import FittingCapacity
from gencl.metrics.lessons import TrainingPlan
from gencl.metrics.snapshot import Snapshot
from gencl.run import Run
from gencl.scenarios.task import Scenario, Task
from tests.conftest import gencl as gencl_command
from tests.conftest import grown, tiny


def evaluator(preset: str, *sets: str, **options: Any) -> tuple[Evaluator, Scenario]:
    settings = gencl.resolve(preset, assignments=[*tiny(preset), *sets])
    learner, scenario = grown(settings, tasks=3)
    return Evaluator(learner, scenario, settings.evaluate, 0, **options), scenario


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run") / "vae"
    return train("digits-vae", "sgd", 0, folder, set=tiny("digits-vae"), progress="silent")


def test_what_is_cheap_is_measured_always_and_what_is_not_when_asked_for() -> None:
    chosen, _ = evaluator("digits-cgan", "evaluate.also=[fashion]")
    assert [m.name for m in chosen.metrics] == ["conditional_accuracy", "fid", "kid"]
    at_the_end = ["kid_std", "precision", "recall", "drift", "fid_fashion", "kid_fashion"]
    assert [m.name for m in chosen.final_metrics] == at_the_end
    chosen, _ = evaluator("digits-cgan", only=["prc", "isc"])
    assert [m.name for m in [*chosen.metrics, *chosen.final_metrics]] == ["precision", "recall", "isc"]
    assert all(name in METRICS for names in GROUPS.values() for name in names)


@pytest.mark.parametrize(
    ("preset", "asked", "why"),
    [
        ("digits-mlp", "prc", "it measures generators"),
        ("digits-mlp", "fitting", "it measures generators"),
        ("digits-cgan", "accuracy", "it measures classifiers"),
        ("digits-cgan", "lpips_reconstruction", "it measures learners that encode images"),
    ],
)
def test_metrics_not_meant_for_the_learner_are_refused(preset: str, asked: str, why: str) -> None:
    with pytest.raises(UsageError, match=rf"metric {asked} does not apply to \w+: {why}"):
        evaluator(preset, only=[asked])


def test_without_an_extractor_only_what_needs_none_is_left() -> None:
    chosen, _ = evaluator("digits-cgan", "evaluate.features=none")
    assert [m.name for m in [*chosen.metrics, *chosen.final_metrics]] == ["drift"]
    with pytest.raises(UsageError, match="no feature extractor suits its images"):
        evaluator("digits-cgan", "evaluate.features=none", only=["kid"])


@pytest.mark.numeric
def test_the_end_of_training_leaves_the_whole_evaluation(run: Run) -> None:
    stored = run.evaluation
    assert run.metrics["summary"].items() >= {"kid": stored["mean"]["kid"], "drift": stored["mean"]["drift"]}.items()
    assert stored["mean"].keys() >= {"fid", "precision", "recall", "reconstruction"}
    assert [row.get("drift", 0) > 0 for row in stored["tasks"]] == [True, True, False]  # the last cannot have drifted
    assert run.metrics["matrices"].keys() == {"conditional_accuracy", "fid", "kid", "reconstruction"}
    assert run.evaluate()["mean"] == pytest.approx(stored["mean"], rel=1e-6)
    assert run.evaluate(batch_size=7)["mean"] == pytest.approx(stored["mean"], rel=1e-4)


def test_joint_training_has_no_drift(tmp_path: Path) -> None:
    joint = train("digits-cgan", "joint", 0, tmp_path / "run", set=tiny("digits-cgan"), progress="silent")
    assert "drift" not in joint.metrics["summary"]


@pytest.mark.numeric
def test_lpips_three_ways(
    run: Run, alexnet_weights: Path, dinov2_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gencl.metrics.lpips_metrics.IMAGES", 5)  # more are held out
    result = run.evaluate(["lpips"], weights=[alexnet_weights])
    assert result["mean"].keys() == {"lpips_diversity", "lpips_drift", "lpips_reconstruction"}
    assert all(value > 0 for value in result["mean"].values())
    assert "lpips_drift" not in result["tasks"][2]
    assert result["lpips"].items() >= {"backbone": "alex", "published": False, "resize": "64x64"}.items()
    with pytest.raises(UsageError, match="holds the weights of none of these"):
        run.evaluate(["lpips"], weights=[run.path / "model.safetensors"])
    with pytest.raises(UsageError, match=r"no network that measures here reads .*dinov2_small\.pth"):
        run.evaluate(["lpips"], weights=[alexnet_weights, dinov2_weights])


def test_inception_by_weights_that_are_not_the_published_ones(tmp_path: Path, inception_weights: Path) -> None:
    sets = [*tiny("digits-cgan"), "data.limit=3", "scenario.tasks=2", "train.batch_size=2", "evaluate.also=[fashion]"]
    sets += ["data.validation=0.03", "evaluate.split=validation"]  # a few real images instead of 70
    few = train("digits-cgan", "sgd", 0, tmp_path / "run", set=sets, progress="silent")
    result = gencl_command("evaluate", few.path, "--features", "inception", "--weights", inception_weights, "--n", "3")
    assert result.returncode == 0, result.stderr
    assert "not the published weights" in " ".join(result.stdout.split())
    assert "compare all tasks up to each together (6 generated and 9 real images in all)" in result.stderr
    assert "6 generated and 9 real images are no more than the 2,048 features" in result.stderr
    result = few.evaluation
    assert result["features"].items() >= {"name": "inception", "published": False, "resize": "299x299", "n": 3}.items()
    wanted = {"fid", "kid", "kid_std", "precision", "recall", "drift", "fid_fashion", "kid_fashion"}
    assert result["mean"].keys() == wanted  # its classes are ImageNet's


def test_bad_input(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENCL_CACHE", str(tmp_path))
    card = (run.path / "model.json").read_text()
    cases = [
        (["--n", "1"], 2, "1 is not in the range"),
        (["--metrics", "fid,nothing"], 2, "no metric is called 'nothing'"),
        (["--metrics", "accuracy"], 2, "metric accuracy does not apply to VAE: it measures classifiers"),
        (["--features", "nothing"], 2, "no feature extractor is called 'nothing'"),
        (["--features", "inception"], 1, "put weights-inception-2015-12-05-6726825d.pth into"),
        (["--features", "inception", "--weights", tmp_path / "no.pth"], 2, "there is no such file"),
        (["--weights", tmp_path / "no.pth"], 2, "no network that measures here reads"),
        (["--metrics", "lpips"], 1, "put alexnet-owt-7be5be79.pth into"),
        (["--metrics", "lpips", "--backbone", "vgg"], 1, "put vgg16-397923af.pth into"),
    ]
    before = (run.path / "evaluation.json").read_text()
    for arguments, status, words in cases:
        result = gencl_command("evaluate", run.path, *arguments)
        assert result.returncode == status and words in result.stderr, (arguments, result.stderr)
        assert result.stderr.count("\n") <= 3 and "Traceback" not in result.stderr and not result.stdout
    (run.path / "model.json").write_text(card.replace('"schema": 1', '"schema": 7'))
    result = gencl_command("evaluate", run.path)
    (run.path / "model.json").write_text(card)
    assert result.returncode == 1 and "model.json is of schema 7, and this gencl reads schema 1" in result.stderr
    assert (run.path / "evaluation.json").read_text() == before
    with pytest.raises(UsageError, match=r"evaluate\.samples"):
        run.evaluate(n=1)


@pytest.mark.numeric
def test_collapse_kills_diversity(run: Run, alexnet_weights: Path) -> None:
    measuring, scenario = evaluator("digits-cgan", only=["lpips_diversity"], weights=[alexnet_weights])
    (metric,) = measuring.final_metrics

    class Collapsed(Snapshot):
        def images(self, task: Task, rows: Tensor) -> Tensor:
            return task.train.images[:1].expand(len(rows), -1, -1, -1)

    class Real(Snapshot):
        def images(self, task: Task, rows: Tensor) -> Tensor:
            return task.train.images[rows]

    task = scenario.tasks[0]
    one, many = (kind(measuring.learner, measuring.conditions, [task]) for kind in (Collapsed, Real))
    assert metric.measure(one, task) == pytest.approx(0, abs=1e-6)
    assert (metric.measure(many, task) or 0) > 0.01


@pytest.mark.numeric
def test_fitting_capacity_of_real_images_is_that_of_a_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it would be for a generator that draws the training images; and of one that draws noise."""
    monkeypatch.setattr("gencl.metrics.fitting.TRAINING_PLAN", TrainingPlan(steps=60, fewest_steps=60))
    measuring, scenario = evaluator("digits-cgan", "evaluate.samples=100", only=["fitting"])

    class Real(Snapshot):
        def images(self, task: Task, rows: Tensor) -> Tensor:
            return task.train.images[rows]

    tasks = scenario.tasks
    assert all(bool((task.train.labels == task.classes[0]).all()) for task in tasks)  # one class a task
    real, drawn = (kind(measuring.learner, measuring.conditions, tasks) for kind in (Real, Snapshot))
    state = torch.get_rng_state()
    scores = [FittingCapacity().measure(real, task) for task in tasks]
    assert min(scores) > 0.9
    assert sum(FittingCapacity().measure(drawn, task) for task in tasks) / 3 < 0.8
    assert torch.equal(state, torch.get_rng_state())
