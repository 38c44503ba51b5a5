"""Which learning rate each step of a task uses, and which stage it is in: functions of the step alone, so that a
resumed run agrees."""

from __future__ import annotations

import math

from gencl.core.train_settings import TrainSettings
from gencl.methods.base import Stage


def learning_rate(settings: TrainSettings, step: int, steps: int) -> float:
    """Flat for a share of the task's steps, then linear down to ``lr_end`` of it at the last step; times ``drop`` for
    each of ``drops`` that is past."""
    flat = settings.lr_flat * steps
    rate = settings.lr * math.prod(settings.drop for share in settings.drops if step >= share * steps)
    if step < flat:
        return rate
    fallen = (step + 1 - flat) / max(1.0, steps - flat)
    return rate * (1 - (1 - settings.lr_end) * min(1.0, fallen))


def stage_ends(stages: list[Stage], steps: int) -> list[int]:
    """The step at which each stage ends; the last ends with the task. Every step belongs to one stage."""
    ends, share = [], 0.0
    for stage in stages:
        share += stage.share
        ends.append(round(share * steps))
    return [*ends[:-1], steps]
