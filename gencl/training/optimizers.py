"""Makes a phase's optimiser, and sets which parameters require gradients during the phase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import Parameter
from torch.optim import Optimizer

from gencl.core.train_settings import TrainSettings
from gencl.learners.learner import Learner, Phase

RMSPROP: dict[str, Any] = {"alpha": 0.95, "eps": 0.01, "centered": True, "foreach": True}
"""Settings of Mnih et al. (Nature 2015): the gradient over its standard deviation, averaged over about twenty steps."""


class Switch:
    """Makes exactly the parameters of one phase require gradients."""

    def __init__(self, learner: Learner, phase: Phase) -> None:
        moved = {id(parameter) for parameter in phase.parameters}
        self._on = list(phase.parameters)
        self._off = [parameter for parameter in learner.parameters() if id(parameter) not in moved]

    def on(self) -> None:
        """Set ``requires_grad`` of all parameters. Call this before each loss of the phase."""
        for parameter in self._off:
            parameter.requires_grad_(False)
        for parameter in self._on:
            parameter.requires_grad_(True)


def make_optimizer(phase: Phase, settings: TrainSettings, slow: Sequence[Parameter] = ()) -> Optimizer:
    """Return a fresh optimiser for a phase: the run's, or Adam if the phase asks for it. Adam and SGD are fused.

    A phase with a learning rate of its own, such as the generator beside a classifier, has no weight decay either.
    Parameters in ``slow`` learn at ``train.shared_lr`` times the rate, which `set_rate` takes into account.
    """
    late = {id(parameter) for parameter in slow}
    groups: list[dict[str, Any]] = [
        {"params": [p for p in phase.parameters if id(p) not in late], "factor": 1.0},
        {"params": [p for p in phase.parameters if id(p) in late], "factor": settings.shared_lr},
    ]
    groups = [group for group in groups if group["params"]]
    decay = settings.weight_decay if phase.adam_lr is None else 0.0
    if settings.optimizer == "adam" or phase.adam_lr is not None:
        return torch.optim.Adam(groups, lr=settings.lr, betas=settings.betas, weight_decay=decay, fused=True)
    if settings.optimizer == "rmsprop":
        return torch.optim.RMSprop(groups, lr=settings.lr, momentum=settings.momentum, weight_decay=decay, **RMSPROP)
    return torch.optim.SGD(groups, lr=settings.lr, momentum=settings.momentum, weight_decay=decay, fused=True)


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Set the learning rate of each parameter group to ``rate`` times the group's factor."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]
