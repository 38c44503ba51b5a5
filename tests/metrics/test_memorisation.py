"""What lies nearest to generated images: training images where a generator copies, either where it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

import gencl
from gencl.metrics.evaluator import Evaluator
from gencl.metrics.memorisation import share_nearer
from gencl.scenarios.task import Task
from tests.conftest import gencl as command
from tests.conftest import grown, tiny
from tests.metrics.copying import Copying

pytestmark = pytest.mark.numeric


def test_by_hand() -> None:
    """On a line: 0 is nearer to the training image, 10 to the held-out one, 5 to either."""
    train, held_out = torch.tensor([[1.0]]), torch.tensor([[9.0]])
    assert share_nearer(torch.tensor([[0.0]]), train, held_out) == 1
    assert share_nearer(torch.tensor([[0.0], [10.0], [5.0]]), train, held_out) == 0.5


def test_nearest_in_chunks_is_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    sides = [torch.randn(n, 8) for n in (50, 30, 30)]
    whole = share_nearer(*sides)
    monkeypatch.setattr("gencl.metrics.memorisation._CHUNK", 7)
    assert share_nearer(*sides) == whole and 0.2 < whole < 0.8


class CopyingHeldOut(Copying):
    """Draws held-out images."""

    def images(self, task: Task, rows: Tensor) -> Tensor:
        return super().images(replace(task, train=task.test), rows)


def test_a_generator_that_copies_is_found_out() -> None:
    settings = gencl.resolve("digits-cgan", assignments=[*tiny("digits-cgan"), "evaluate.samples=100"])
    learner, scenario = grown(settings, tasks=3)
    evaluator = Evaluator(learner, scenario, settings.evaluate, 0, only=["memorisation"])
    (metric,) = evaluator.final_metrics
    tasks = list(scenario.tasks)
    copies = metric.measure(Copying(learner, evaluator.conditions, tasks, keep=True), tasks[-1])
    others = metric.measure(CopyingHeldOut(learner, evaluator.conditions, tasks, keep=True), tasks[-1])
    assert copies is not None and others is not None
    assert copies > 0.6 and others < 0.1  # only as many training images count as are held out


def test_it_is_measured_on_request() -> None:
    done = command("evaluate", "digits-cgan-anpyc", "--metrics", "memorisation", "--n", "40")
    assert done.returncode == 0 and "memorisation %" in done.stdout
