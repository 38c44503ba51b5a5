"""gencl's methods with avalanche-lib's formulas in place of their own, one at a time.

Where a variant agrees with avalanche-lib, the rest of the method does too, and the formula is all that differs.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gencl.learners.learner import ScalarKind
from gencl.methods.base import Context, Method
from gencl.methods.consolidation import Consolidation, ConsolidationSettings, SampledSettings, samples
from gencl.methods.er import ER
from gencl.methods.ewc import EWC
from gencl.methods.importance import batch_gradients
from gencl.methods.mas import MAS
from gencl.scenarios.batch import Batch


class Unscaled(Consolidation):
    """Importance stays in its own unit, as with ``scale: none``, and its mean is kept."""

    def __init__(self, settings: ConsolidationSettings) -> None:
        super().__init__(settings)
        self.means: list[float] = []
        """After each task, the mean of Omega per task so far: what takes a strength from this unit to gencl's."""

    def after_task(self, ctx: Context) -> None:
        self._clear()
        self.combine(self.measure(ctx), {name: weight.detach() for name, weight in ctx.learner.shared().items()})
        total = sum(float(value.sum(dtype=torch.float64)) for value in self.importance.values())
        entries = sum(value.numel() for value in self.importance.values())
        self.means.append(total / entries / (ctx.task.index + 1))


def batch_moment(ctx: Context, kind: ScalarKind, moment: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    """The mean over batches of ``moment`` of a batch's mean gradient: depends on the batch size."""
    probe, size, shared = samples(ctx, SampledSettings()), ctx.train.batch_size, ctx.learner.shared()
    sums = {name: torch.zeros_like(parameter) for name, parameter in shared.items()}
    batches = range(0, len(probe), size)
    for start, gradients in zip(batches, batch_gradients(ctx.learner, kind, probe, shared, size), strict=True):
        for name, gradient in gradients.items():
            sums[name] += moment(gradient / min(size, len(probe) - start))
    return {name: value / len(batches) for name, value in sums.items()}


class BatchEWC(Unscaled, EWC):
    """The square of a batch's mean gradient of log p of the true labels (avalanche-lib's EWCPlugin)."""

    def measure(self, ctx: Context) -> dict[str, Tensor]:
        return batch_moment(ctx, "likelihood", torch.square)


class AveragedMAS(Unscaled, MAS):
    """Sensitivity per sample; each task's importance counts half, and what was there before half (MASPlugin)."""

    def combine(self, measured: dict[str, Tensor], weights: dict[str, Tensor]) -> None:
        if self.importance:
            self.importance = {name: value / 2 for name, value in self.importance.items()}
            measured = {name: value / 2 for name, value in measured.items()}
        super().combine(measured, weights)


class BatchMAS(AveragedMAS):
    """The absolute value of a batch's mean gradient, and the running average (MASPlugin)."""

    def measure(self, ctx: Context) -> dict[str, Tensor]:
        return batch_moment(ctx, "sensitivity", torch.abs)


class ClippedSI(Unscaled):
    """SynapticIntelligencePlugin: the path counts the penalty's gradient too; Omega = min(clip, sum over tasks of
    omega / (distance^2 + eps)), in which a task's omega may be negative."""

    EPS, CLIP = 1e-7, 1e-3

    def __init__(self, settings: ConsolidationSettings) -> None:
        super().__init__(settings)
        self.start: dict[str, Tensor] = {}
        self.path: dict[str, Tensor] = {}
        self.total: dict[str, Tensor] = {}

    def before_task(self, ctx: Context) -> None:
        self.start = {name: parameter.detach().clone() for name, parameter in ctx.learner.shared().items()}
        self.path = {name: torch.zeros_like(value) for name, value in self.start.items()}

    def adjust_gradients(self, ctx: Context) -> None:
        self.before = {name: parameter.detach().clone() for name, parameter in ctx.learner.shared().items()}

    def after_step(self, ctx: Context) -> None:
        for name, parameter in ctx.learner.shared().items():
            assert parameter.grad is not None
            self.path[name] -= parameter.grad * (parameter.detach() - self.before[name])

    def measure(self, ctx: Context) -> dict[str, Tensor]:
        for name, parameter in ctx.learner.shared().items():
            importance = self.path[name] / ((parameter.detach() - self.start[name]).square() + self.EPS)
            self.total[name] = self.total[name] + importance if name in self.total else importance
        return {name: value.clamp(max=self.CLIP) for name, value in self.total.items()}

    def combine(self, measured: dict[str, Tensor], weights: dict[str, Tensor]) -> None:
        self.importance, self.anchors = {}, {}  # Omega is of all tasks already
        super().combine(measured, weights)


class RecordedER(ER):
    """Experience replay that keeps the batches it made, so that the other side learns from the very same."""

    def __init__(self, settings: ER.Settings) -> None:
        super().__init__(settings)
        self.images: dict[str, list[Tensor]] = {}
        self.labels: dict[str, list[Tensor]] = {}

    def extend_batch(self, ctx: Context, batch: Batch) -> Batch:
        made = super().extend_batch(ctx, batch)
        images = (made.inputs * 255).round().to(torch.uint8)
        self.images.setdefault(f"batches.images.{ctx.task.index}", []).append(images)
        self.labels.setdefault(f"batches.labels.{ctx.task.index}", []).append(made.classes)
        return made


VARIANTS: dict[str, type[Method]] = {
    "ewc per batch": BatchEWC,
    "mas per image": AveragedMAS,
    "mas per batch": BatchMAS,
    "si clipped": ClippedSI,
    "er recorded": RecordedER,
}
