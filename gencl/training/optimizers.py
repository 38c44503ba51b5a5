"""A phase's optimiser, and which parameters ask for gradients during it."""

from __future__ import annotations

import torch
from torch.optim import Optimizer

from gencl.models.learner import Learner, Phase
from gencl.settings import TrainSettings


class Switch:
    """Lets exactly the parameters of one phase ask for gradients."""

    def __init__(self, learner: Learner, phase: Phase) -> None:
        moved = {id(parameter) for parameter in phase.parameters}
        self._on = list(phase.parameters)
        self._off = [parameter for parameter in learner.parameters() if id(parameter) not in moved]

    def on(self) -> None:
        """Throws the switch; called before each loss of the phase."""
        for parameter in self._off:
            parameter.requires_grad_(False)
        for parameter in self._on:
            parameter.requires_grad_(True)


def make_optimizer(phase: Phase, settings: TrainSettings) -> Optimizer:
    """A fresh optimiser for a phase's parameters, the run's or the phase's own, fused where the device has it."""
    parameters = list(phase.parameters)
    if settings.optimizer == "adam" or phase.adam_lr is not None:
        return torch.optim.Adam(parameters, lr=settings.lr, betas=settings.betas, fused=True)
    return torch.optim.SGD(parameters, lr=settings.lr, momentum=settings.momentum, fused=True)
