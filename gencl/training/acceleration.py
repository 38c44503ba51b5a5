"""How the networks of a step compute: in bfloat16 (``train.precision``).

It holds for the loss and the penalty of a phase alone. Parameters, gradients, optimisers, consolidation, importance
and evaluation are float32, so that methods, checkpoints and model files are those of any other run.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from gencl.errors import UsageError
from gencl.models.learner import Learner
from gencl.settings import Settings, TrainSettings


def check(settings: Settings, learner: Learner) -> None:
    """Raises UsageError where the device cannot do what ``train`` asks for."""
    asked = settings.train_of(1 + len(settings.extend))
    if any(train.precision == "bf16" for train in asked):
        _check_bfloat16(learner.position.device)


def _check_bfloat16(device: torch.device) -> None:
    on_gpu = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu" and not on_gpu:
        raise UsageError(f"train.precision: bf16 is for CPUs and for GPUs that have it, not {device}; use float32")


class Acceleration:
    """What a run's settings make of the steps of its learner."""

    def __init__(self, learner: Learner) -> None:
        self._device = learner.position.device.type

    def of(self, train: TrainSettings) -> AbstractContextManager[object]:
        """Around the loss and the penalty of a phase; the backward pass follows outside."""
        if train.precision == "float32":
            return nullcontext()
        return torch.autocast(self._device, torch.bfloat16)
