"""The reconstruction error by hand, and for whom it is not."""

from __future__ import annotations

import pytest
import torch

import gencl
from gencl.core.errors import UsageError
from gencl.learners.vae import VAE
from gencl.metrics.evaluator import Evaluator
from tests.conftest import grown, tiny

pytestmark = pytest.mark.numeric


def evaluator(preset: str, **options: object) -> tuple[Evaluator, gencl.Scenario]:
    settings = gencl.resolve(preset, assignments=[*tiny(preset), "evaluate.features=none"])
    learner, scenario = grown(settings, tasks=2)
    return Evaluator(learner, scenario, settings.evaluate, 0, **options), scenario  # type: ignore[arg-type]


def test_it_is_the_squared_error_per_pixel_through_the_posterior_mean() -> None:
    measuring, scenario = evaluator("digits-vae", batch_size=7)
    learner, task = measuring.learner, scenario.tasks[1]
    assert isinstance(learner, VAE)
    measured = measuring.measure(measuring.snapshot(scenario.tasks[:2]))
    assert list(measured) == ["reconstruction"]
    images = task.test.images.float() / 255
    with torch.no_grad():
        mean, _ = learner.generator.encoder(images, 1)
        decoded = torch.sigmoid(learner.generator.decoder(mean, 1))
    assert measured["reconstruction"][1] == pytest.approx(float((decoded - images).square().mean()), rel=1e-5)
    matrix = [[0.5, None], [0.75, 0.25]]
    assert measuring.summary({"reconstruction": matrix}) == {
        "reconstruction": 0.5,
        "reconstruction_just_learned": 0.375,
        "reconstruction_forgetting": 0.25,
    }


@pytest.mark.parametrize("preset", ["digits-cgan", "digits-mlp"])
def test_others_do_not_reconstruct(preset: str) -> None:
    assert "reconstruction" not in [metric.name for metric in evaluator(preset)[0].metrics]
    with pytest.raises(
        UsageError, match=r"metric reconstruction does not apply to \w+: it measures learners that encode images"
    ):
        evaluator(preset, only=["reconstruction"])
