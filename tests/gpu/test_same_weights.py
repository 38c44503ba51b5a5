"""Every learner and method learns on a GPU what it learns on the CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.conftest import METHODS
from tests.gpu.conftest import apart, run

pytestmark = [pytest.mark.gpu, pytest.mark.usefixtures("exact", "same_draws")]

TOLERANCE = 1e-3
"""Of the largest weight, after twelve steps of float32."""
GENERATORS = ("digits-cgan", "digits-vae", "digits-flow")
CASES = [
    *(("digits-mlp", method, ()) for method in METHODS if method != "align"),
    *((preset, method, ()) for preset in GENERATORS for method in ("anpyc+align", "si+dgr", "ewc")),
    ("digits-cgan", "er", ("model.network=residual", "model.augment=[translation,cutout]")),
    ("digits-vae", "sgd", ("model.likelihood=gaussian",)),
    ("digits-mlp", "mas", ("model.name=vgg9", "model.width=0.1", "data.size=16", "train.lr=0.002")),
    ("digits-mlp", "dgr", ("method.labels=solver", "data.flip=yes")),
]


@pytest.mark.parametrize(("preset", "method", "sets"), CASES)
def test_weights_are_the_cpu_s(preset: str, method: str, sets: tuple[str, ...], device: str, tmp_path: Path) -> None:
    there = run(preset, method, tmp_path / "there", device, sets)
    here = run(preset, method, tmp_path / "here", "cpu", sets)
    assert there.metrics["environment"]["device"].startswith(device)
    assert apart(here.path, there.path) < TOLERANCE


@pytest.mark.parametrize("place", ["device", "host"])
def test_weights_do_not_depend_on_where_images_are(place: str, device: str, tmp_path: Path) -> None:
    auto = run("digits-mlp", "ewc", tmp_path / "auto", device, ["data.flip=yes"])
    placed = run("digits-mlp", "ewc", tmp_path / "placed", device, ["data.flip=yes", f"data.place={place}"])
    assert apart(auto.path, placed.path) < 1e-5


def test_a_model_of_a_gpu_draws_the_same_anywhere(device: str, tmp_path: Path) -> None:
    there = run("digits-cgan", "sgd", tmp_path / "run", device)
    learner = there.learner()
    latents, classes = learner.latents(8, "seed"), torch.zeros(8, dtype=torch.long)
    with torch.no_grad():
        here = learner.generate(classes, latents)
        drawn = learner.to(device).generate(classes.to(device), latents.to(device)).cpu()
    torch.testing.assert_close(drawn, here, rtol=1e-4, atol=1e-5)


def test_a_run_is_measured_on_a_gpu(device: str, tmp_path: Path) -> None:
    trained = run("digits-mlp", "sgd", tmp_path / "run", device)
    assert trained.evaluate(device=device)["tasks"] == trained.evaluate(device="cpu")["tasks"]
