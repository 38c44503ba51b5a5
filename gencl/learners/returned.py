"""Checks of what a learner's `phases` and losses return, so that errors name the learner or the phase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from gencl.core.returned import all_of, returned
from gencl.learners.learner import Learner, Phase


def phases(learner: Learner, tasks: Sequence[int]) -> list[Phase]:
    """Return `Learner.phases`. Raises GenclError if it is not a list of at least one phase."""
    who = f"learner {type(learner).__name__}: phases"
    return list(returned(learner.phases(tasks), all_of(Phase), who, "a list of phases, one at least"))


def loss(value: Any, phase: Phase) -> Tensor:
    """Return the loss of a phase. Raises GenclError if it is not a tensor with a gradient."""
    found: Tensor = returned(value, _moves_something, f"the loss of phase {phase.name}", "a tensor with a gradient")
    return found


def _moves_something(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad
