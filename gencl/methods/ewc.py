"""Elastic weight consolidation (Kirkpatrick et al., PNAS 2017)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor

from gencl.methods.base import Context, importance_random
from gencl.methods.consolidation import Consolidation, ConsolidationSettings
from gencl.methods.importance import moments
from gencl.models.learner import Batch


class EWC(Consolidation):
    """Omega is the diagonal Fisher information E[(d log p(y|x) / dW)^2], per sample (Kirkpatrick et al. eq. 3).

    Per sample, not per batch: squaring a batch's mean gradient gives about 1/B of it and another ranking. On a
    classifier y is drawn from the prediction (``sampled``) or is the true label (``true``, the empirical Fisher). On a
    GAN log p is the generator's own adversarial log-likelihood log sigmoid(D(G(z, c), c)) (a choice: a GAN has no
    likelihood). Terms of all tasks are added up with one anchor, as in all consolidation here.
    """

    class Settings(ConsolidationSettings):
        """Strength, form, samples, and where targets come from."""

        fisher: Literal["sampled", "true"] = Field("sampled", description="targets: drawn from the prediction, or true")

    settings: Settings

    def measure(self, ctx: Context, batch: Batch) -> dict[str, Tensor]:
        if self.settings.fisher == "sampled":
            batch = ctx.learner.sampled_targets(batch, importance_random(ctx, "targets"))
        return moments(ctx.learner, "likelihood", batch, ctx.learner.shared(), ctx.processes).square
