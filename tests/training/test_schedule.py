"""Order of samples, learning rate and stages are functions of the step alone."""

from __future__ import annotations

import pytest
import torch

from gencl.core.train_settings import TrainSettings
from gencl.datasets.dataset import Split
from gencl.methods.base import Stage
from gencl.scenarios.source import Order
from gencl.scenarios.task import Task
from gencl.training.schedule import learning_rate, stage_ends


def test_every_epoch_visits_every_sample_once() -> None:
    order = Order(10, 4, "seed")
    seen = torch.cat([order.rows(step) for step in range(5)])
    assert sorted(seen[:10].tolist()) == list(range(10)) == sorted(seen[10:].tolist())
    assert seen[:10].tolist() != seen[10:].tolist()


def test_any_step_can_be_asked_for_first() -> None:
    walked = Order(7, 3, 1)
    for step in range(9):
        rows = walked.rows(step)
    assert torch.equal(Order(7, 3, 1).rows(8), rows)
    assert not torch.equal(Order(7, 3, 2).rows(8), rows)


def test_batches_larger_than_the_task() -> None:
    assert len(Order(3, 32, 0).rows(5)) == 32


def test_rate_is_flat_then_falls_to_its_end() -> None:
    settings = TrainSettings(lr=1.0, lr_flat=0.6, lr_end=0.1)
    rates = [learning_rate(settings, step, 10) for step in range(10)]
    assert rates[:6] == [1.0] * 6
    assert rates[-1] == pytest.approx(0.1)
    assert rates == sorted(rates, reverse=True)
    assert learning_rate(TrainSettings(lr=1.0, lr_flat=1.0), 9, 10) == 1.0


def test_stages_share_all_steps() -> None:
    assert stage_ends([Stage("train", 0.6), Stage("retrain", 0.2), Stage("retrain", 0.2)], 10) == [6, 8, 10]
    assert stage_ends([Stage("train", 0.7), Stage("retrain", 0.3)], 1)[-1] == 1


def test_epochs_count_each_tasks_own_images() -> None:
    images = Split(torch.zeros(100, 1, 2, 2, dtype=torch.uint8), torch.zeros(100, dtype=torch.long))
    tasks = [Task(index, str(index), (0,), images, images, images) for index in range(3)]
    assert tasks[1].steps(TrainSettings(epochs=2, batch_size=32)) == 7  # 200 images in batches of 32
    assert tasks[1].steps(TrainSettings(epochs=0.001, batch_size=32)) == 1
    assert tasks[1].steps(TrainSettings(steps=9)) == 9
    assert [task.steps(TrainSettings(steps=9, first=1.5)) for task in tasks] == [14, 9, 9]
