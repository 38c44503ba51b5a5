"""Checks of what hooks and losses of a learner return, so that errors name the learner or the phase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from gencl.core.randomness import RandomSource
from gencl.core.returned import all_of, returned
from gencl.learners.learner import Learner, Phase, ScalarKind
from gencl.scenarios.batch import Batch
from gencl.scenarios.task import Task


def phases(learner: Learner, tasks: Sequence[int]) -> list[Phase]:
    """Return `Learner.phases`. Raises GenclError if it is not a list of at least one phase."""
    wanted = "a list of phases, one at least"
    return list(returned(learner.phases(tasks), all_of(Phase), _who(learner, "phases"), wanted))


def loss(value: Any, phase: Phase, shape: tuple[int, ...] = ()) -> Tensor:
    """Return the loss of a phase. Raises GenclError if it is not a tensor of this shape with a gradient."""

    def fits(value: Any) -> bool:
        return isinstance(value, Tensor) and value.shape == shape and value.requires_grad

    wanted = "a tensor of one number with a gradient, such as the mean over the batch"
    found: Tensor = returned(value, fits, f"the loss of phase {phase.name}", wanted)
    return found


def probe(learner: Learner, task: Task, n: int | None, random: RandomSource) -> Batch:
    """Return `Learner.probe`. Raises GenclError if it is not a batch."""
    value = learner.probe(task, n, random)
    found: Batch = returned(value, lambda it: isinstance(it, Batch), _who(learner, "probe"), "a gencl.Batch")
    return found


def scalars(learner: Learner, kind: ScalarKind, batch: Batch, random: RandomSource) -> Tensor:
    """Return `Learner.scalars`. Raises GenclError if it is not one number per sample, since sums would hide that."""
    shape = (len(batch),)
    wanted = f"a tensor of one number per sample, of shape {shape}"
    value = learner.scalars(kind, batch, random)
    found: Tensor = returned(
        value, lambda it: isinstance(it, Tensor) and it.shape == shape, _who(learner, "scalars"), wanted
    )
    return found


def _who(learner: Learner, hook: str) -> str:
    return f"learner {type(learner).__name__}: {hook}"
