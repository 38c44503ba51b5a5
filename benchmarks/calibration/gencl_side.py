"""gencl's side: its own trainer, and what the other side needs to see the same batches and initial weights."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.calibration.variants import VARIANTS, RecordedER
from benchmarks.runs import fresh, places
from gencl.core.randomness import derive_seed
from gencl.core.settings import Settings
from gencl.methods.base import Method
from gencl.runs.build import make_learner
from gencl.scenarios.source import Order
from gencl.scenarios.task import Scenario


def shared_setup(settings: Settings, scenario: Scenario) -> dict[str, Tensor]:
    """What the other side needs: images in [0, 1], labels (from 0 where each task has a head), the rows of the images
    that each step learns from (steps, batch), and initial weights. With one head labels are places in the order in
    which classes are learned."""
    learner = make_learner(settings.model, scenario.image_shape, settings.seed, "cpu")
    learned = [c for task in scenario.tasks for c in task.classes]
    setup = {}
    for task in scenario.tasks:
        k, train = task.index, settings.train
        among = task.classes if settings.model["heads"] == "task" else learned
        for part, split in {"train": task.train, "test": task.test}.items():
            setup[f"{part}.images.{k}"] = split.images.float() / 255
            setup[f"{part}.labels.{k}"] = places(split.labels, among)
        order = Order(len(task.train), train.batch_size, settings.seed, "order", k)
        steps = task.steps(train)
        setup[f"order.{k}"] = torch.stack([order.rows(step) for step in range(steps)])
        learner.grow(task.classes, derive_seed(settings.seed, "grow", k))
    return setup | {f"weights.{name}": value.detach().clone() for name, value in learner.state_dict().items()}


def trained(settings: Settings, scenario: Scenario, variant: str | None) -> tuple[float, Method]:
    """ACC on test images after the last task, and the method as it is then."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = fresh(settings, scenario, Path(folder), time.perf_counter)
        session = trainer.session
        if variant is not None:
            session.method = VARIANTS[variant](session.method.settings)
        trainer.fit("silent")
        session.recorder.close()
    return session.state.summary["acc"], session.method


def batches(method: Method, scenario: Scenario) -> dict[str, Tensor]:
    """The batches that `RecordedER` made, (steps, batch, ...); else nothing."""
    if not isinstance(method, RecordedER):
        return {}
    learned = [c for task in scenario.tasks for c in task.classes]
    labels = {name: places(torch.stack(values), learned) for name, values in method.labels.items()}
    return labels | {name: torch.stack(values) for name, values in method.images.items()}
