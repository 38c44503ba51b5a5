"""Batch normalisation for networks that learn task after task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gencl.learners.networks.trunk import GrowingBuffers


@contextmanager
def of_tasks(norms: Sequence[TaskBatchNorm2d], tasks: Tensor) -> Iterator[None]:
    """Set the tasks (n,) of the samples that pass through these norms within the block."""
    for norm in norms:
        norm.tasks = tasks
    try:
        yield
    finally:
        for norm in norms:
            norm.tasks = None


def hold(network: nn.Module, tasks: int, all_fixed: bool = False) -> None:
    """Freeze the running statistics of the first ``tasks`` tasks from now on, or also those that all tasks share.

    Norms with shared statistics then normalise by these in training, too, as if they were in evaluation mode.
    """
    for norm in network.modules():
        if isinstance(norm, TaskBatchNorm2d):
            norm.held = tasks
        elif isinstance(norm, BatchNorm2d):
            norm.held = all_fixed
            norm.train(network.training)


class BatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation with one set of running statistics for all tasks, which can be held (`hold`).

    In training, each of several processes normalises by its own part of the batch.
    """

    held = False

    def train(self, mode: bool = True) -> BatchNorm2d:
        return super().train(mode and not self.held)


class TaskBatchNorm2d(GrowingBuffers):
    """Batch normalisation with running statistics per task; scale and shift are shared.

    Statistics that follow the newest task make a network forget older ones, and importance does not prevent that.
    If the task is known, each task therefore keeps its own statistics. ``tasks`` (n,), the task of each sample, must be
    set before each forward pass (`of_tasks`).

    In training, a batch is normalised by its own statistics, in each of several processes by those of its own part.
    They update the running ones of every task in the batch except those that are held (`hold`).
    """

    eps, momentum = 1e-5, 0.1

    def __init__(self, channels: int) -> None:
        super().__init__(())
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(0, channels))
        self.register_buffer("running_var", torch.ones(0, channels))
        self.running_mean: Tensor
        self.running_var: Tensor
        self.tasks: Tensor | None = None
        self.held = 0

    def grow(self) -> None:
        """Add statistics for one more task: a copy of the last task's, or mean 0 and variance 1 for the first."""
        for name, first in (("running_mean", 0.0), ("running_var", 1.0)):
            rows = getattr(self, name)
            new = rows[-1:] if len(rows) else torch.full_like(rows.new_empty(1, rows.shape[1]), first)
            setattr(self, name, torch.cat([rows, new]))

    def normalised(self, units: Tensor) -> Tensor:
        """Normalise units (n, c, h, w) by the running statistics of each sample's task, without scale and shift."""
        assert self.tasks is not None
        mean, var = self.running_mean[self.tasks], self.running_var[self.tasks]
        return (units - mean[:, :, None, None]) * torch.rsqrt(var + self.eps)[:, :, None, None]

    def forward(self, units: Tensor) -> Tensor:
        if not self.training:
            return self.normalised(units) * self.weight[:, None, None] + self.bias[:, None, None]
        assert self.tasks is not None
        mean, var = torch.zeros_like(self.weight), torch.ones_like(self.weight)
        normalised = F.batch_norm(units, mean, var, self.weight, self.bias, True, 1.0, self.eps)
        present = self.running_mean.new_zeros(len(self.running_mean), 1).index_fill_(0, self.tasks, self.momentum)
        present[: self.held] = 0
        self.running_mean.lerp_(mean.expand_as(self.running_mean), present.expand_as(self.running_mean))
        self.running_var.lerp_(var.expand_as(self.running_var), present.expand_as(self.running_var))
        return normalised

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, eps={self.eps}, momentum={self.momentum}"
