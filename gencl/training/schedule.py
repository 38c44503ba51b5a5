"""The learning rate and the stage of each step of a task. Both depend on the step alone, so that a resumed run
agrees."""

from __future__ import annotations

import math

from gencl.core.train_settings import TrainSettings
from gencl.methods.base import Stage


def learning_rate(settings: TrainSettings, step: int, steps: int) -> float:
    """Return the learning rate of a step (0-based) in a task of ``steps`` steps.

    The rate is flat for the share ``lr_flat`` of the steps. It then falls linearly, and ends at ``lr_end`` times its
    value. For each point of ``drops`` that is past, it is multiplied by ``drop``.
    """
    flat = settings.lr_flat * steps
    rate = settings.lr * math.prod(settings.drop for share in settings.drops if step >= share * steps)
    if step < flat:
        return rate
    fallen = (step + 1 - flat) / max(1.0, steps - flat)
    return rate * (1 - (1 - settings.lr_end) * min(1.0, fallen))


def stage_ends(stages: list[Stage], steps: int) -> list[int]:
    """Return the step at which each stage ends. The last stage ends with the task, and every step belongs to one
    stage."""
    ends, share = [], 0.0
    for stage in stages:
        share += stage.share
        ends.append(round(share * steps))
    return [*ends[:-1], steps]
