"""The papers' stopping rule for image sequences: end a stage when its loss no longer falls (``train.patience``)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.settings import Settings
from gencl.learners.learner import Learner, Phase
from gencl.methods.base import Context
from gencl.runs.state import State


def check(settings: Settings, learner: Learner, tasks: int) -> None:
    """Raise UsageError if ``train.patience`` is set for a learner whose loss need not fall, such as a GAN."""
    if not learner.loss_falls and any(train.patience is not None for train in settings.train_of(tasks)):
        raise UsageError(
            "train.patience: the losses of this model play against each other, and need not fall; use train.steps"
        )


def over(ctx: Context, state: State) -> bool:
    """Return whether the mean loss of an epoch has not fallen for ``train.patience`` epochs."""
    return ctx.train.patience is not None and bool(state.plateau) and state.plateau[3] >= ctx.train.patience


def count(ctx: Context, state: State, losses: Mapping[str, Tensor], phases: Sequence[Phase]) -> bool:
    """Count a step with these losses and return whether the stage is then `over`.

    Only phases that move shared parameters count. Their losses are summed and averaged over all processes.
    ``state.plateau`` holds four numbers: the sum of the present epoch's losses, its steps, the lowest mean loss of an
    epoch so far, and the number of epochs since then.
    """
    counted = [losses[phase.name] for phase in phases if phase.moves_shared]
    if ctx.train.patience is None or not counted:
        return False
    (loss,) = ctx.processes.sum([torch.stack(counted).sum()])
    total, steps, best, waited = state.plateau or (0.0, 0.0, math.inf, 0.0)
    total, steps = total + float(loss) / ctx.processes.world, steps + 1
    if steps >= math.ceil(len(ctx.task.train) / ctx.train.batch_size):
        mean = total / steps
        total, steps, best, waited = 0.0, 0.0, min(best, mean), 0.0 if mean < best else waited + 1
    state.plateau = [total, steps, min(best, 1e300), waited]  # JSON knows no infinity
    return over(ctx, state)
