"""Whether generated images are nearer to the training images than held-out ones are."""

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
    """On a line with a training image at 0 and held-out ones at 2 and 4."""
    train, held_out = torch.tensor([[0.0]]), torch.tensor([[2.0], [-4.0]])
    chances = {0.0: 1, 1.0: 1, 2.0: 0.75, 3.0: 0.5, -4.0: 0.25, 5.0: 0}
    for place, chance in chances.items():
        assert share_nearer(torch.tensor([[place]]), train, held_out) == chance
    all_of_them = torch.tensor([[place] for place in chances])
    assert share_nearer(all_of_them, train, held_out) == pytest.approx(3.5 / 6)


def test_copies_score_one_however_many_images_there_are() -> None:
    train, held_out, fresh = torch.randn(6_000, 8), torch.randn(1_000, 8), torch.randn(1_000, 8)
    assert share_nearer(train[:500], train, held_out) == 1
    assert 0.45 < share_nearer(fresh, train, held_out) < 0.55


def test_nearest_in_chunks_is_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    sides = [torch.randn(n, 8) for n in (50, 40, 30)]
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
    assert copies == 1 and others == pytest.approx(0.5, abs=0.02)


def test_copies_of_what_a_stream_shows_later_are_found_out() -> None:
    """A generator that copies the images of the last visit, of which the first visit showed few."""
    stream = ["train.boundaries=inferred", "train.lr_end=1", "train.batch_size=32", "evaluate.samples=60"]
    visits = "scenario={name: repeat, of: {name: split, classes_per_task: 1, tasks: 2}, visits: 3}"
    small = [setting for setting in tiny("digits-cgan") if not setting.startswith("scenario")]
    settings = gencl.resolve("digits-cgan", assignments=[*small, *stream, "train.steps=1", visits])
    learner, scenario = grown(settings, tasks=4)
    evaluator = Evaluator(learner, scenario, settings.evaluate, 0, only=["memorisation"])
    (metric,) = evaluator.final_metrics
    tasks = [task for task in scenario.tasks[:4] if task.first_visit == scenario.tasks[0].index]
    assert len(tasks) > 1 and tasks[-1].dealt is not None
    snapshot = Copying(learner, evaluator.conditions, list(scenario.tasks[:4]), keep=True)
    assert metric.measure(snapshot, tasks[-1]) == 1


def test_it_is_measured_on_request() -> None:
    done = command("evaluate", "digits-cgan-anpyc", "--metrics", "memorisation", "--n", "40")
    assert done.returncode == 0 and "memorisation %" in done.stdout
