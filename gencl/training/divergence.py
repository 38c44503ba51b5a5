"""Stops training that diverges, before any of it is stored."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from gencl.core.errors import GenclError
from gencl.methods.base import Context
from gencl.runs.recorder import Recorder


def check_losses(recorder: Recorder, ctx: Context, losses: Mapping[str, Tensor]) -> None:
    """Raise GenclError unless the loss of every phase is finite."""
    for name, loss in losses.items():
        if not math.isfinite(float(loss)):
            raise _diverged(recorder, ctx, f"the loss of the {name} became {float(loss)}")


def check_parameters(recorder: Recorder, ctx: Context) -> None:
    """Raise GenclError unless all parameters are finite.

    Called before a checkpoint is written and at the end of a task, to keep infinity and NaN out of both.
    """
    sizes = torch._foreach_norm([parameter.detach() for parameter in ctx.learner.parameters()])
    if not math.isfinite(float(torch.stack(list(sizes)).sum())):
        raise _diverged(recorder, ctx, "parameters became infinite or NaN")


def _diverged(recorder: Recorder, ctx: Context, what: str) -> GenclError:
    kept = "keeps the last good checkpoint" if recorder.has_checkpoint() else "has no checkpoint yet"
    return GenclError(
        f"{what} in task {ctx.task.name}, stage {ctx.stage.name}, step {ctx.step + 1}; "
        f"{recorder.folder} {kept}; try a lower train.lr"
    )
