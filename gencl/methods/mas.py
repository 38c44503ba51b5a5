"""Memory-aware synapses (Aljundi et al., ECCV 2018)."""

from __future__ import annotations

from torch import Tensor

from gencl.methods.base import Context
from gencl.methods.consolidation import Consolidation, Measure, SampledSettings, samples
from gencl.methods.importance import moments


class MAS(Consolidation):
    """Omega is the sensitivity E[|d ||f(x)||^2 / dW|], the absolute value taken per sample (Aljundi et al. eq. 2-3).

    f is the logits of a classifier, or the image of a generator.
    """

    class Settings(SampledSettings):
        """Strength, form and samples."""

    measures = "sensitivity"
    importance_measure = Measure("sensitivity", "sensitivity (MAS)")
    settings: SampledSettings

    def measure(self, ctx: Context) -> dict[str, Tensor]:
        batch = samples(ctx, self.settings)
        (size,) = moments(ctx.learner, "sensitivity", batch, ctx.learner.shared(), ["absolute"], ctx.processes)
        return size
