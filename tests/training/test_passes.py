"""How many samples went through a network, against what counting by hand gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.func import vmap

from gencl.api import train
from gencl.experiments.train_seeds import train_seeds
from gencl.learners.passes import Passes
from tests.conftest import tiny
from tests.experiments.test_ensemble import settings_of, written

STEPS, BATCH, TASKS, N = 6, 8, 3, 40
"""Of a run; N samples of a task for importance."""
SETS = ["scenario.tasks=3", "train.steps=6", "train.batch_size=8", "model.r1_every=4", "train.first=1"]


def cost(preset: str, method: str, folder: Path, *assignments: str) -> tuple[int, int]:
    sets = [*tiny(preset), *(a for a in SETS if preset.endswith("cgan") or "r1" not in a), *assignments]
    costs: dict[str, Any] = train(preset, method, 0, folder, set=sets, progress="silent").metrics["cost"]
    return costs["samples_forward"], costs["samples_backward"]


GAN = TASKS * STEPS * BATCH
"""Images that a plain run sees. A step of a GAN: G and D on generated images, D on real ones, then G and D again."""
LATER = (TASKS - 1) * STEPS
"""Steps that have a teacher."""


@pytest.mark.parametrize(
    ("method", "assignments", "forward", "backward"),
    [
        ("sgd", [], 5 * GAN, 4 * GAN),
        ("align", ["method.samples=4"], 5 * GAN + LATER * 2 * 4, 4 * GAN + LATER * 4),
        ("dgr", ["method.share=0.5"], 5 * GAN + LATER * BATCH // 2, 4 * GAN),
        ("dgr", ["method.extra=4"], 5 * GAN + LATER * (4 + 5 * 4), 4 * GAN + LATER * 4 * 4),
    ],
)
def test_generators(method: str, assignments: list[str], forward: int, backward: int, tmp_path: Path) -> None:
    assert cost("digits-cgan", method, tmp_path / "run", *assignments) == (forward, backward)


SEEN = TASKS * STEPS * BATCH


@pytest.mark.parametrize(
    ("method", "assignments", "forward", "backward"),
    [
        ("sgd", [], SEEN, SEEN),
        ("er", ["method.share=0.5"], SEEN, SEEN),
        ("lwf", [], SEEN + LATER * BATCH, SEEN),  # too few steps to see all images: the teacher answers each time
        # a pass a task, and one sample of it that says how many are measured at once
        ("mas", [f"method.samples={N}"], SEEN + TASKS * (N + 1), SEEN + TASKS * N),
        ("ewc", [f"method.samples={N}"], SEEN + TASKS * (N + 1), SEEN + TASKS * N),
    ],
)
def test_classifiers(method: str, assignments: list[str], forward: int, backward: int, tmp_path: Path) -> None:
    assert cost("digits-mlp", method, tmp_path / "run", *assignments) == (forward, backward)


def test_measuring_is_not_counted(tmp_path: Path) -> None:
    few = cost("digits-cgan", "sgd", tmp_path / "few", "evaluate.samples=10")
    assert cost("digits-cgan", "sgd", tmp_path / "many", "evaluate.samples=40") == few


def test_seeds_trained_as_one_count_their_own(tmp_path: Path) -> None:
    settings = settings_of("digits-cgan", "ewc", ["scenario.tasks=2"])
    alone = train(config=written(tmp_path, settings), out=tmp_path / "alone", progress="silent").metrics["cost"]
    for run in train_seeds(tmp_path / "settings.yaml", (settings.seed, 5), tmp_path / "both", progress="silent"):
        costs = run.metrics["cost"]
        assert [costs[key] for key in costs if key.startswith("samples")] == [
            alone[key] for key in alone if key.startswith("samples")
        ]


def test_a_sample_under_vmap_stands_for_all() -> None:
    passes, network = Passes(), nn.Linear(3, 2)
    passes.watch([network])
    with passes.counting(), passes.of_each(7):
        vmap(lambda row: network(row.unsqueeze(0)))(torch.ones(7, 3))
    network(torch.ones(4, 3))
    assert passes.take() == (7, 7) and passes.take() == (0, 0)
