"""gencl's side: its own trainer, and what the other side needs to see the same batches and initial weights."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.calibration.variants import VARIANTS, RecordedER
from benchmarks.runs import fresh
from gencl.methods.base import Method
from gencl.randomness import derive_seed
from gencl.scenarios.task import Scenario
from gencl.settings import Settings
from gencl.training import schedule
from gencl.training.build import make_learner


def shared_setup(settings: Settings, scenario: Scenario) -> dict[str, Tensor]:
    """What the other side needs: images in [0, 1], labels (from 0 where each task has a head), the rows of the images
    that each step learns from (steps, batch), and initial weights."""
    learner = make_learner(settings.model, scenario.image_shape, settings.seed, "cpu")
    found = {}
    for task in scenario.tasks:
        k, train = task.index, settings.train
        for part, split in {"train": task.train, "test": task.test}.items():
            found[f"{part}.images.{k}"] = split.images.float() / 255
            found[f"{part}.labels.{k}"] = split.labels - (task.classes[0] if settings.model["heads"] == "task" else 0)
        order = schedule.Order(len(task.train), train.batch_size, settings.seed, "order", k)
        steps = schedule.steps(train, len(task.train), k)
        found[f"order.{k}"] = torch.stack([order.rows(step) for step in range(steps)])
        learner.grow(task.classes, derive_seed(settings.seed, "grow", k))
    return found | {f"weights.{name}": value.detach().clone() for name, value in learner.state_dict().items()}


def trained(settings: Settings, scenario: Scenario, variant: str | None) -> tuple[float, Method]:
    """ACC on test images after the last task, and the method as it is then."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = fresh(settings, scenario, Path(folder), time.perf_counter)
        if variant is not None:
            trainer.method = VARIANTS[variant](trainer.method.settings)
        trainer.fit("silent")
        trainer.recorder.close()
    return trainer.state.summary["acc"], trainer.method


def batches(method: Method) -> dict[str, Tensor]:
    """The batches that `RecordedER` made, (steps, batch, ...); else nothing."""
    recorded = method.recorded if isinstance(method, RecordedER) else {}
    return {name: torch.stack(values) for name, values in recorded.items()}
