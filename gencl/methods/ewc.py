"""Elastic weight consolidation (Kirkpatrick et al., PNAS 2017)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor

from gencl.methods.anchored import AnchoredByTask
from gencl.methods.base import Context, importance_random
from gencl.methods.consolidation import Measure, SampledSettings, samples
from gencl.methods.importance import moments


class FisherSettings(SampledSettings):
    """The settings of the Fisher information."""

    fisher: Literal["sampled", "exact", "empirical"] = Field(
        "sampled",
        description="labels in the Fisher information. sampled: drawn from the prediction; exact: every label, "
        "weighted by its probability; empirical: the true labels",
    )


class EWC(AnchoredByTask):
    """Omega is the diagonal Fisher information E[(d log p(y|x) / dW)^2], per sample (Kirkpatrick et al. eq. 3).

    Gradients are squared per sample. Squaring a batch's mean gradient instead gives about 1/B of the value, and ranks
    the weights differently. On a classifier, y is drawn from the prediction (``sampled``), summed over with its
    probability (``exact``: one pass per class), or the true label (``empirical``). On a GAN, log p is the generator's
    own adversarial log-likelihood log sigmoid(D(G(z, c), c)). That is a choice, since a GAN has no likelihood.

    Each task keeps its own term, lambda sum_t F_t (W - W_t)^2, as in the paper, which writes lambda / 2. Unlike in the
    paper, each F_t is first divided by its mean over all weights. Tasks then count equally and one lambda suits many
    data sets; ``scale: none`` takes F_t as it is. Where weights drift over many tasks, the old anchors pull back too
    far; ``ewc-online`` has one anchor.
    """

    class Settings(FisherSettings):
        """Strength, form, samples, and the source of the targets."""

    measures = "likelihood"
    importance_measure = Measure("fisher", "Fisher information (EWC)")
    settings: FisherSettings

    def measure(self, ctx: Context) -> dict[str, Tensor]:
        batch, shared = samples(ctx, self.settings), ctx.learner.shared()
        if self.settings.fisher == "exact":
            total: dict[str, Tensor] = {}
            for targets, belief in ctx.learner.possible_targets(batch):
                (square,) = moments(
                    ctx.learner, "likelihood", targets, shared, ["square"], ctx.processes, belief.sqrt()
                )
                total = {name: total[name] + value if total else value for name, value in square.items()}
            return total
        if self.settings.fisher == "sampled":
            batch = ctx.learner.sampled_targets(batch, importance_random(ctx, "targets"))
        (square,) = moments(ctx.learner, "likelihood", batch, shared, ["square"], ctx.processes)
        return square
