"""Calls of a method's hooks that check the returned value. A wrong one raises GenclError that names the hook."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from torch import Tensor, nn

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


def unstored(method: Method) -> list[str]:
    """Return a warning for each method that holds tensors but has no `Method.state_dict`: a resumed run lacks them.

    Tensors that a new method of its kind has, too, are constants.
    """
    lines = []
    for part in getattr(method, "methods", [method]):
        if type(part).state_dict is Method.state_dict:
            constant = vars(type(part)(part.settings))
            lost = [name for name, value in vars(part).items() if _holds(value) and not _holds(constant.get(name))]
            if lost:
                lines.append(
                    f"method {type(part).__name__} holds tensors ({', '.join(lost)}) and has no state_dict: a resumed "
                    "run will lack them; return them by state_dict, and take them back by load_state_dict"
                )
    return lines


def _holds(value: object) -> bool:
    """Return whether a value is a tensor or a module, or contains one."""
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return isinstance(value, Tensor | nn.Module) or any(map(_holds, inner))


def _who(method: Method, hook: str) -> str:
    return f"method {type(method).__name__}: {hook}"
