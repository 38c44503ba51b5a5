"""Batch normalisation with statistics a task, against torch's own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gencl.learners.networks.norms import TaskBatchNorm2d, of_tasks

pytestmark = pytest.mark.numeric


def through(norm: TaskBatchNorm2d, units: Tensor, *tasks: int) -> Tensor:
    with of_tasks([norm], torch.tensor(tasks)):
        return norm(units)


def grown(tasks: int) -> TaskBatchNorm2d:
    norm = TaskBatchNorm2d(3)
    for _ in range(tasks):
        norm.grow()
    return norm


def test_one_task_equals_torch_in_training_and_evaluation() -> None:
    torch.manual_seed(0)
    ours, theirs = grown(1), nn.BatchNorm2d(3)
    for norm in (ours, theirs):
        nn.init.constant_(norm.weight, 1.5)
        nn.init.constant_(norm.bias, -0.2)
    for _ in range(4):
        units = torch.randn(5, 3, 4, 4) * 2 + 1
        mine, other = units.clone().requires_grad_(), units.clone().requires_grad_()
        outputs = through(ours, mine, *[0] * 5), theirs(other)
        assert torch.allclose(*outputs, atol=1e-6)
        for output in outputs:
            output.square().mean().backward()
        assert torch.allclose(mine.grad, other.grad, atol=1e-6)
        assert torch.allclose(ours.weight.grad, theirs.weight.grad, atol=1e-6)
    assert torch.allclose(ours.running_mean[0], theirs.running_mean)
    assert torch.allclose(ours.running_var[0], theirs.running_var)
    units = torch.randn(2, 3, 4, 4)
    assert torch.allclose(through(ours.eval(), units, 0, 0), theirs.eval()(units), atol=1e-6)


def test_training_touches_the_statistics_of_the_tasks_in_the_batch_only() -> None:
    norm = grown(3)
    through(norm, torch.randn(6, 3, 2, 2) + 1, *[1] * 6)
    before = norm.running_mean.clone(), norm.running_var.clone()
    assert before[0][0].eq(0).all() and before[0][2].eq(0).all() and before[0][1].ne(0).all()
    through(norm, torch.randn(6, 3, 2, 2), *[2] * 3, *[0] * 3)  # replay: two tasks in a batch
    for old, new in zip(before, (norm.running_mean, norm.running_var), strict=True):
        assert torch.equal(new[1], old[1])
        assert (new[0] != old[0]).all() and (new[2] != old[2]).all()


def test_each_sample_is_normalised_by_its_task() -> None:
    norm = grown(1)
    through(norm, torch.randn(6, 3, 2, 2) + 1, *[0] * 6)
    norm.grow()
    assert torch.equal(norm.running_mean[1], norm.running_mean[0])  # a new task starts where the last one stands
    through(norm, torch.randn(6, 3, 2, 2) - 5, *[1] * 6)
    norm.eval()
    units = torch.randn(4, 3, 2, 2)
    mixed = through(norm, units, 0, 1, 1, 0)
    for row, task in enumerate((0, 1, 1, 0)):
        assert torch.equal(mixed[row : row + 1], through(norm, units[row : row + 1], task))
    assert norm.tasks is None  # nothing of a batch stays behind


def test_state_comes_back_with_as_many_tasks_as_it_has() -> None:
    norm = grown(3)
    through(norm, torch.randn(6, 3, 2, 2) + 1, *[2] * 6)
    for other in (TaskBatchNorm2d(3), grown(1), grown(5)):
        other.load_state_dict(norm.state_dict())
        assert all(torch.equal(norm.state_dict()[name], value) for name, value in other.state_dict().items())
        assert len(other.running_mean) == 3
