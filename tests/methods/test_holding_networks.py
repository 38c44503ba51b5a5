"""The same promise on networks with convolutions and batch normalisation, whose tasks are known."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor

import gencl
from gencl.core.randomness import RandomSource
from gencl.learners.capabilities import UNITS
from gencl.learners.classifier import Classifier
from gencl.learners.generative import GenerativeLearner
from gencl.presets import resolve
from gencl.runs import kept
from gencl.runs.build import make_scenario
from tests.conftest import killed_at
from tests.methods.test_holding import ADAM, scores, watched
from tests.training.runs import model_bytes

SETS = ["train.steps=5", "train.batch_size=16", "scenario.tasks=3", "data.size=16", "data.limit=60"]
NETWORKS = {
    "lenet": [],
    "vgg9": ["model.width=0.1"],
    "cnn-narrow": ["model.width=0.25"],
    "cnn-wide": ["model.width=0.02"],
    "resnet18": ["model.width=0.1"],
}
CASES = [
    *[(network, method, optimizer) for network in ("lenet", "vgg9") for method in ("sgd-f", "packnet", "hat", "clnp")
      for optimizer in ("sgd", "adam")],
    *[(network, method, "adam") for network in ("cnn-narrow", "cnn-wide") for method in ("packnet", "clnp")],
    *[("resnet18", method, "adam") for method in ("packnet", "hat", "clnp", "er+packnet")],
    *[("vgg9", f"er+{method}", "adam") for method in ("sgd-f", "packnet", "hat", "clnp")],  # replay moves no statistics
]  # fmt: skip


@pytest.mark.parametrize(("network", "method", "optimizer"), CASES)
def test_old_outputs_are_bit_identical(
    network: str, method: str, optimizer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[int, Tensor] = {}
    monkeypatch.setattr("gencl.training.train.Evaluator", watched(seen))
    sets = [f"model.name={network}", *SETS, *NETWORKS[network], *(ADAM if optimizer == "adam" else [])]
    run = gencl.train("digits-mlp", method, 0, tmp_path / "run", set=sets, progress="silent")
    learner = cast(Classifier, run.learner())
    assert run.metrics["summary"]["bwt"] == 0
    tasks = make_scenario(resolve("digits-mlp", assignments=sets), None).tasks
    assert sorted(seen) == [task.index for task in tasks]
    for task in tasks:
        assert torch.equal(scores(learner, task), seen[task.index])
    # samples of several tasks at once: each sees its own weights, gates and statistics
    images = torch.cat([task.test.images[:5] for task in tasks]).float() / 255
    labels = torch.cat([task.test.labels[:5] for task in tasks])
    with torch.no_grad():
        logits, right = learner.eval().logits(images, learner.position[labels])
    for task in tasks:
        rows = slice(5 * task.index, 5 * task.index + 5)
        of_task = logits[rows, learner.task_of == task.index]
        assert torch.allclose(of_task, seen[task.index][:5], atol=1e-5)
    assert (right >= 0).all()


def test_units_of_residual_blocks_are_divided_with_one_head(tmp_path: Path) -> None:
    sets = ["model.name=resnet18", *SETS, *NETWORKS["resnet18"], "model.heads=domain"]
    for method in ("hat", "clnp", "xdg"):
        run = gencl.train("digits-mlp", method, 0, tmp_path / method, set=sets, progress="silent")
        units = UNITS(run.learner())
        assert len(units.hidden) == 17 and sum(len(layer.shortcuts) for layer in units.layers) == 3
        assert method == "xdg" or run.metrics["summary"]["bwt"] == 0


@pytest.mark.parametrize(
    ("preset", "sets"),
    [
        ("digits-mlp", ["model.name=cnn-wide", "model.heads=class", *SETS, *NETWORKS["cnn-wide"]]),
        ("digits-cgan", ["model.norm=batch", "train.steps=5", "scenario.sizes=[3,3,4]", "data.limit=60"]),
    ],
)
def test_frozen_networks_keep_the_statistics_that_all_tasks_share(preset: str, sets: list[str], tmp_path: Path) -> None:
    """What the first task's learner gives for its classes is what the last one's gives."""
    of = ["keep=tasks", "train.checkpoint_every=1"]
    run = gencl.train(preset, "sgd-f", 0, tmp_path / "run", set=[*sets, *of], progress="silent")

    def outputs(task: int) -> Tensor:
        learner = kept.learners(run)[task]()
        random, labels = RandomSource(3), torch.tensor(learner.tasks[0]).repeat(8)
        if isinstance(learner, GenerativeLearner):
            images: Tensor = learner.generator(
                learner.generator.draw_latents(len(labels), random), learner.position[labels]
            )
            return images
        images = random.uniform(len(labels), 1, 16, 16)
        return cast(Classifier, learner).logits(images, learner.position[labels])[0][:, : len(learner.tasks[0])]

    with torch.no_grad():
        assert torch.equal(outputs(1), outputs(3))
    with killed_at(13):
        gencl.train(preset, "sgd-f", 0, tmp_path / "cut", set=[*sets, *of], progress="silent")
    assert model_bytes(gencl.train(resume=True, out=tmp_path / "cut", progress="silent")) == model_bytes(run)
