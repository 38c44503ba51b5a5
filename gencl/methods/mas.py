"""Memory-aware synapses (Aljundi et al., ECCV 2018)."""

from __future__ import annotations

from torch import Tensor

from gencl.methods.base import Context
from gencl.methods.consolidation import Consolidation
from gencl.methods.importance import moments
from gencl.models.learner import Batch


class MAS(Consolidation):
    """Omega is the sensitivity E[|d ||f(x)||^2 / dW|], the absolute value taken per sample (Aljundi et al. eq. 2-3).

    f is the logits of a classifier, the image of a generator.
    """

    def measure(self, ctx: Context, batch: Batch) -> dict[str, Tensor]:
        return moments(ctx.learner, "sensitivity", batch, ctx.learner.shared(), ctx.processes).absolute
