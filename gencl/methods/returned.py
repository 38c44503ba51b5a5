"""Calls of a method's hooks that check the returned value. A wrong one raises GenclError that names the hook."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

from torch import Tensor

from gencl.core.returned import all_of, returned
from gencl.core.tensor_files import NAMES
from gencl.learners.learner import Learner
from gencl.methods.base import Context, Method, Stage, StepContext
from gencl.scenarios.batch import Batch
from gencl.scenarios.task import Task


def episodes(method: Method, tasks: Sequence[Task]) -> list[Task]:
    """Return `Method.episodes`, checked to be a list of tasks."""
    fits = all_of(Task) if tasks else lambda value: value == []
    return list(returned(method.episodes(tasks), fits, _who(method, "episodes"), "a list of tasks"))


def stages(method: Method, task: int, last: bool) -> list[Stage]:
    """Return `Method.stages`, checked to be a list of stages whose shares sum to 1."""

    def whole(value: Any) -> bool:
        return all_of(Stage)(value) and math.isclose(sum(stage.share for stage in value), 1, abs_tol=1e-6)

    found = returned(method.stages(task, last), whole, _who(method, "stages"), "a list of stages whose shares sum to 1")
    return list(found)


def extended(method: Method, ctx: Context, batch: Batch) -> Batch:
    """Return `Method.extend_batch`, checked to be a batch."""
    found: Batch = returned(
        method.extend_batch(ctx, batch),
        _is_batch,
        _who(method, "extend_batch"),
        "a batch",
    )
    return found


def _is_batch(value: Any) -> bool:
    return isinstance(value, Batch)


def penalty(method: Method, ctx: StepContext) -> Tensor | None:
    """Return `Method.penalty`, checked to be None or a single number."""
    found: Tensor | None = returned(
        method.penalty(ctx), _is_penalty, _who(method, "penalty"), "a tensor of one number, or None for no penalty"
    )
    return found


def _is_penalty(value: Any) -> bool:
    return value is None or isinstance(value, Real) or (isinstance(value, Tensor) and value.numel() == 1)


def capacity(method: Method, learner: Learner) -> dict[str, float]:
    """Return `Method.capacity` as plain numbers, checked to be finite."""

    def shares(value: Any) -> bool:
        return isinstance(value, dict) and all(
            isinstance(name, str) and isinstance(share, Real | Tensor) and math.isfinite(float(share))
            for name, share in value.items()
        )

    found = returned(method.capacity(learner), shares, _who(method, "capacity"), "a share by the name of each layer")
    return {name: share if isinstance(share, int | float) else float(share) for name, share in found.items()}


def state(method: Method) -> dict[str, Tensor]:
    """Return `Method.state_dict`, checked to hold tensors by name, of types that can be stored."""

    def tensors(value: Any) -> bool:
        return isinstance(value, dict) and all(
            isinstance(name, str) and isinstance(tensor, Tensor) and tensor.dtype in NAMES
            for name, tensor in value.items()
        )

    wanted = "tensors of real numbers by name (torch.tensor(3) for a number)"
    found: dict[str, Tensor] = returned(method.state_dict(), tensors, _who(method, "state_dict"), wanted)
    return found


def _who(method: Method, hook: str) -> str:
    return f"method {type(method).__name__}: {hook}"
