"""Which metrics are measured when, what they come to, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import gencl
from gencl.errors import UsageError
from gencl.metrics import GROUPS, METRICS
from gencl.metrics.evaluator import Evaluator
from gencl.metrics.fitting import FittingCapacity
from gencl.metrics.snapshot import Snapshot
from gencl.scenarios.task import Scenario, Task
from gencl.training.run import Run
from gencl.training.train import train
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
    found, _ = evaluator("digits-cgan")
    assert [m.name for m in found.metrics] == ["conditional_accuracy", "fid"]
    assert [m.name for m in found.final_metrics] == ["kid", "precision", "recall", "drift"]
    found, _ = evaluator("digits-cgan", only=["prc", "isc"])
    assert [m.name for m in [*found.metrics, *found.final_metrics]] == ["precision", "recall", "isc"]
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
    found, _ = evaluator("digits-cgan", "evaluate.features=none")
    assert [m.name for m in [*found.metrics, *found.final_metrics]] == ["drift"]
    with pytest.raises(UsageError, match="no feature extractor suits its images"):
        evaluator("digits-cgan", "evaluate.features=none", only=["kid"])


def test_the_end_of_training_leaves_the_whole_evaluation(run: Run) -> None:
    stored = run.evaluation
    assert run.metrics["summary"].items() >= {"kid": stored["mean"]["kid"], "drift": stored["mean"]["drift"]}.items()
    assert stored["mean"].keys() >= {"fid", "precision", "recall", "reconstruction"}
    assert [row.get("drift", 0) > 0 for row in stored["tasks"]] == [True, True, False]  # the last cannot have drifted
    assert run.metrics["matrices"].keys() == {"conditional_accuracy", "fid", "reconstruction"}
    assert run.evaluate()["mean"] == pytest.approx(stored["mean"], rel=1e-6)
    assert run.evaluate(batch_size=7)["mean"] == pytest.approx(stored["mean"], rel=1e-4)


def test_joint_training_has_no_drift(tmp_path: Path) -> None:
    joint = train("digits-cgan", "joint", 0, tmp_path / "run", set=tiny("digits-cgan"), progress="silent")
    assert "drift" not in joint.metrics["summary"]


def test_lpips_three_ways(run: Run, alexnet_weights: Path) -> None:
    found = run.evaluate(["lpips"], weights=[alexnet_weights])
    assert found["mean"].keys() == {"lpips_diversity", "lpips_drift", "lpips_reconstruction"}
    assert all(value > 0 for value in found["mean"].values())
    assert "lpips_drift" not in found["tasks"][2]
    with pytest.raises(UsageError, match="holds the weights of none of these"):
        run.evaluate(["lpips"], weights=[run.path / "model.safetensors"])


def test_collapse_kills_diversity(run: Run, alexnet_weights: Path) -> None:
    found, scenario = evaluator("digits-cgan", only=["lpips_diversity"], weights=[alexnet_weights])
    (metric,) = found.final_metrics

    class Collapsed(Snapshot):
        def images(self, task: Task, rows: Tensor) -> Tensor:
            return task.train.images[:1].expand(len(rows), -1, -1, -1)

    class Real(Snapshot):
        def images(self, task: Task, rows: Tensor) -> Tensor:
            return task.train.images[rows]

    task = scenario.tasks[0]
    one, many = (kind(found.learner, found.conditions, [task]) for kind in (Collapsed, Real))
    assert metric.measure(one, task) == pytest.approx(0, abs=1e-6)
    assert (metric.measure(many, task) or 0) > 0.01


def test_fitting_capacity_of_real_images_is_that_of_a_classifier() -> None:
    """As it would be for a generator that draws the training images; and of one that draws noise."""
    found, scenario = evaluator("digits-cgan", "evaluate.samples=100", only=["fitting"])

    class Real(Snapshot):
        def images(self, task: Task, rows: Tensor) -> Tensor:
            return task.train.images[rows]

    tasks = scenario.tasks
    assert all(bool((task.train.labels == task.classes[0]).all()) for task in tasks)  # one class a task
    real, drawn = (kind(found.learner, found.conditions, tasks) for kind in (Real, Snapshot))
    state = torch.get_rng_state()
    scores = [FittingCapacity().measure(real, task) for task in tasks]
    assert min(scores) > 0.9
    assert sum(FittingCapacity().measure(drawn, task) for task in tasks) / 3 < 0.8
    assert torch.equal(state, torch.get_rng_state())
