"""Soft parameter pruning (Peng et al. 2018): entropy importance and consolidation."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from gencl.methods.base import Context, StepContext
from gencl.methods.consolidation import Consolidation, Measure, SampledSettings, samples
from gencl.methods.importance import average, batch_gradients, moments
from gencl.methods.per_sample import PerSample
from gencl.scenarios.batch import Batch

OFFICIAL_BATCH = 100
"""The samples per sum in the authors' released code. Its ranking of weights depends on this number."""


class EntropySettings(SampledSettings):
    """The settings of the entropy importance."""

    consolidation: Literal["proximal", "loss", "printed"] = Field(  # type: ignore[assignment]
        "proximal",
        description="proximal: shared weights are pulled back after each optimiser step; loss: a quadratic penalty "
        "is added to the loss; printed: eq. 6 of ANPyC as printed",
    )
    form: Literal["sample", "paper", "official"] = Field(
        "sample",
        description="sample: phi of each sample (recommended); paper: phi of the mean gradient; official: phi of "
        "sums over 100 samples, as in the released code",
    )
    phi: Literal["abs", "relu"] = Field("abs", description="abs: absolute change of entropy; relu: increases only")
    order: Literal[1, 2] = Field(1, description="order of the Taylor expansion")
    relative: float = Field(
        0.0, ge=0, description="divide importance by W^2 + relative x the layer's mean W^2; 0: no division"
    )


class SPP(Consolidation):
    """Omega is the change of the output's entropy H when a weight is removed (SPP eq. 2-3, ANPyC eq. 7).

    With g_n = dH(x_n)/dW and W removed (delta W = -W), the expansion is -g W + g^2 W^2 / 2, with g^2 in place of the
    Hessian's diagonal. Omega = mean_n phi(...), where the papers take phi = max(., 0) on a batch.

    Deviations: phi is taken **per sample**, because after a batch mean or sum the ranking
    depends on the batch size. By default it is the **absolute value**; ``relu``, as in the papers, leaves many weights
    without protection. The second-order term is off by default: on classifiers it is negligible beside |W| E|g|. On
    generators, ``relative`` divides by W^2 + relative * mean_layer(W^2), since an Omega proportional to W favours large
    weights.

    ``consolidation: printed`` adds lambda (W_o - Omega W) to the gradient, literally as in ANPyC's eq. 5-6, with W_o
    the weights after the last task. It has no minimum near W_o: where Omega is 0, the weights are pushed steadily.

    ``form`` offers two literal readings, which ignore ``phi`` and ``order``. ``paper`` takes eq. 7 as printed:
    max(0, -g W + g^2 W^2 / 2), with g the gradient of the mean entropy over the task's samples. ``official`` is what
    the authors' released code computes, up to a factor: the sum over batches of 100 of max(0, g W + g^2 W^2 / 2), with
    g the **sum** over the batch.
    """

    class Settings(EntropySettings):
        """Settings of consolidation and of the entropy importance."""

    measures = "entropy"
    importance_measure = Measure("entropy", "entropy (SPP, ANPyC)")
    settings: EntropySettings

    def measure(self, ctx: Context) -> dict[str, Tensor]:
        batch, shared = samples(ctx, self.settings), ctx.learner.shared()
        weights = {name: parameter.detach() for name, parameter in shared.items()}
        if self.settings.form == "sample":
            change = self._per_sample(ctx, batch, weights)
        else:
            change = self._per_batch(ctx, batch, weights)
        return {name: self._relative(value, weights[name]) for name, value in change.items()}

    @torch.no_grad()
    def adjust_gradients(self, ctx: StepContext) -> None:
        if self._acts(ctx, "printed"):
            for parameter, anchor, omega in zip(*self._aligned(ctx.learner), strict=True):
                if parameter.grad is not None:
                    pull = anchor - omega * parameter
                    # a new tensor, since other methods may hold the old one
                    parameter.grad = parameter.grad.add(pull, alpha=self.settings.lambda_)

    def _per_sample(self, ctx: Context, batch: Batch, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        shared = ctx.learner.shared()
        if self.settings.order == 1:
            if self.settings.phi == "abs":
                (size,) = moments(ctx.learner, "entropy", batch, shared, ["absolute"], ctx.processes)
                return {name: size[name].mul_(w).abs_() for name, w in weights.items()}
            mean, size = moments(ctx.learner, "entropy", batch, shared, ["mean", "absolute"], ctx.processes)
            return {name: _increase(w, mean[name], size[name]) for name, w in weights.items()}

        def both_orders(name: str, samples: PerSample) -> Tensor:
            return samples.changes(weights[name], self.settings.phi == "relu")

        return average(ctx.learner, "entropy", batch, shared, both_orders, ctx.processes)

    def _per_batch(self, ctx: Context, batch: Batch, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the change by a literal reading. For ``official`` every process measures all samples, so that batches
        do not depend on the number of processes."""
        shared = ctx.learner.shared()
        if self.settings.form == "paper":
            (mean,) = moments(ctx.learner, "entropy", batch, shared, ["mean"], ctx.processes)
            return {
                name: (w * mean[name]).square().div(2).sub(w * mean[name]).clamp(min=0) for name, w in weights.items()
            }
        total = {name: torch.zeros_like(w) for name, w in weights.items()}
        for gradients in batch_gradients(ctx.learner, "entropy", batch, shared, OFFICIAL_BATCH):
            for name, gradient in gradients.items():
                change = gradient * weights[name]
                total[name] += (change + change.square() / 2).clamp(min=0)
        return total

    def _relative(self, change: Tensor, weight: Tensor) -> Tensor:
        if not self.settings.relative:
            return change
        square = weight.square()
        scale = square + self.settings.relative * square.mean()
        return torch.where(scale > 0, change / scale.clamp(min=torch.finfo(scale.dtype).tiny), 0)


def _increase(weight: Tensor, mean: Tensor, absolute: Tensor) -> Tensor:
    """Return mean_n max(0, -g_n W) from the moments of g: (|W| E|g| - W E[g]) / 2."""
    return (weight.abs() * absolute - weight * mean).clamp(min=0) / 2
