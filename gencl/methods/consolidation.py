"""Consolidation: important parameters are pulled back to their values after the last task.

The quadratic term is lambda * sum Omega (W - W*)^2 (SPP eq. 5; EWC's paper writes lambda / 2). It has two forms:

``proximal`` (default): after the optimiser's step, W <- (W + c W*) / (1 + c) with c = 2 lr lambda Omega. This is the
exact minimiser of the term around that step. It is stable for every lambda and adds nothing to the graph. The
optimiser's changes to gradients (Adam rescales them) do not affect it. ANPyC eq. 6, read as grad += lambda Omega
(W - W_o), has this stable form.

``loss``: the term is added to the loss. With SGD it diverges once 2 lr lambda max(Omega) exceeds 2 (1 + momentum).

Omega of each task is scaled to mean 1 over all shared parameters (``scale: mean``), then added up over tasks (ANPyC
eq. 8). One range of lambda then serves all importance measures.

A task that comes back still has only one term, because its data must not count twice. Huszar (2018) removes the task's
old term, which would require storing one term per task. Here the average term is removed: of k tasks learned, 1 / k of
the sum, as in stochastic expectation propagation (Li et al., NeurIPS 2015; Schwarz et al. 2018, section 4). A task that
only has classes in common with earlier ones adds its importance like any other.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import Parameter

from gencl.core.errors import GenclError, UsageError
from gencl.core.part import Part
from gencl.core.prefixes import under, within
from gencl.core.transfer import exact
from gencl.learners import returned
from gencl.learners.learner import Learner
from gencl.methods.base import Context, Method, StepContext, importance_random
from gencl.methods.protecting import check_patterns, protected
from gencl.scenarios.batch import Batch
from gencl.scenarios.task import Task


@dataclass(frozen=True)
class Measure:
    """An importance measure for comparisons (`gencl analyze`): its name in tables, and its label in figures."""

    name: str
    label: str


class ConsolidationSettings(Part):
    """The settings of every method that consolidates."""

    lambda_: float = Field(1.0, alias="lambda", ge=0, le=1e12, description="strength of consolidation")
    consolidation: Literal["proximal", "loss"] = Field(
        "proximal",
        description="proximal: shared weights are pulled back after each optimiser step; loss: a quadratic penalty "
        "is added to the loss",
    )
    scale: Literal["mean", "none"] = Field(
        "mean", description="mean: divide each task's importance by its mean; none: use it as measured"
    )
    later = ("scale",)
    protect: list[str] = Field(
        ["*"],
        min_length=1,
        description="patterns for the names of the shared parameters to protect; * matches anything",
    )


class SampledSettings(ConsolidationSettings):
    """The settings of methods that measure importance on samples of a learned task."""

    samples: int | None = Field(None, ge=1, description="samples for measuring importance; null: all of the task")


def quadratic_penalty(parameters: list[Tensor], anchors: list[Tensor], importance: list[Tensor]) -> Tensor:
    """Return sum Omega (W - W*)^2 over all tensors, a scalar."""
    pulls = [(o * (w - a).square()).sum() for w, a, o in zip(parameters, anchors, importance, strict=True)]
    return torch.stack(pulls).sum()


@torch.no_grad()
def proximal_step(parameters: list[Parameter], anchors: list[Tensor], weights: list[Tensor]) -> None:
    """Set W <- W + (W* - W) w in place, where w = c / (1 + c) (see `proximal_weights`)."""
    torch._foreach_lerp_(parameters, anchors, weights)  # type: ignore[arg-type]


@torch.no_grad()
def proximal_weights(importance: list[Tensor], strength: float, out: list[Tensor] | None = None) -> list[Tensor]:
    """Return c / (1 + c) with c = ``strength`` * Omega. ``out``, an earlier result, is overwritten if given.

    Computed as Omega / (Omega + 1 / strength), which saves one operation per entry: these dominate the cost of a step.
    """
    weights = out or [torch.empty_like(value, memory_format=torch.contiguous_format) for value in importance]
    if not strength:
        return [weight.zero_() for weight in weights]
    for omega, weight in zip(importance, weights, strict=True):
        torch.div(omega, torch.add(omega, 1 / strength, out=weight), out=weight)
    return weights


def scaled_to_mean_one(importance: dict[str, Tensor]) -> dict[str, Tensor]:
    """Scale Omega in place to mean 1 over all entries of all tensors, and return it. All zeros stay zeros.

    Raises GenclError unless the mean is finite and not negative.
    """
    mean = checked_mean(importance)
    return {name: value.div_(mean) if mean else value for name, value in importance.items()}


def checked_mean(importance: dict[str, Tensor]) -> float:
    """Return the mean over all entries of all tensors. Raises GenclError unless it is finite and not negative."""
    total = sum(exact(value.sum(0)).sum() for value in importance.values())  # float64 only for sums, to save memory
    mean = float(total) / sum(value.numel() for value in importance.values())
    if not 0 <= mean < float("inf"):
        raise GenclError(f"importance must be finite and not negative, but its mean is {mean}; try a lower train.lr")
    return mean


def samples(ctx: Context, settings: SampledSettings) -> Batch:
    """Return the samples of the task on which importance is measured."""
    return returned.probe(ctx.learner, ctx.task, settings.samples, importance_random(ctx, "importance"))


class Consolidation(Method):
    """The base class of EWC, L2, SI, MAS, SPP and ANPyC. A subclass defines the importance."""

    class Settings(ConsolidationSettings):
        """Strength and form of consolidation."""

    grid = {"lambda": (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)}
    entrywise = True
    copies = 3.0
    importance_measure: ClassVar[Measure | None] = None
    """Name of its importance, if `measure` needs only samples of a task: any trained network can then be measured."""
    settings: ConsolidationSettings

    def __init__(self, settings: ConsolidationSettings) -> None:
        super().__init__(settings)
        self.importance: dict[str, Tensor] = {}
        self.anchors: dict[str, Tensor] = {}
        self._clear()

    @abstractmethod
    def measure(self, ctx: Context) -> dict[str, Tensor]:
        """Return the importance of each shared parameter for the task just learned, not negative, by name.

        The unit is arbitrary, since only ratios count unless ``scale`` is none.
        """

    def combine(self, measured: dict[str, Tensor], weights: dict[str, Tensor]) -> None:
        """Add a task's importance (see ``scale``) to that of earlier tasks, and make its weights the anchor of all.

        Works in place, as these tensors are most of a method's memory. ``weights`` are the learner's own, so they are
        copied.
        """
        if not self.importance:
            self.importance, self.anchors = measured, {name: weight.clone() for name, weight in weights.items()}
            return
        for name, value in measured.items():
            self.importance[name].add_(value)
            self.anchors[name].copy_(weights[name])

    def check(self, learner: Learner, tasks: Sequence[Task] = ()) -> None:
        super().check(learner, tasks)
        if not learner.shared() and learner.has_own:
            raise UsageError(
                "nothing is shared here that could be consolidated: every layer is a task's own; use model.heads=domain"
            )
        check_patterns(self.settings.protect, learner, tasks)

    def _clear(self) -> None:
        """Drop what is cached of importance and learner. It is computed again when next needed."""
        self._lists: tuple[list[Parameter], list[Tensor], list[Tensor]] | None = None
        self._of_learner: dict[str, Parameter] = {}
        self._weights: tuple[float, list[Tensor]] = (-1.0, [])

    def _shared(self, learner: Learner) -> dict[str, Parameter]:
        """Return the learner's shared parameters, looked up once per task because hooks need them in every step."""
        self._of_learner = self._of_learner or learner.shared()
        return self._of_learner

    def _aligned(self, learner: Learner) -> tuple[list[Parameter], list[Tensor], list[Tensor]]:
        """Return the protected parameters, their anchors and their importance, in one order."""
        if self._lists is None:
            shared, names = self._shared(learner), protected(self.importance, self.settings.protect)
            self._lists = (
                [shared[name] for name in names],
                [self.anchors[name] for name in names],
                [self.importance[name] for name in names],
            )
        return self._lists

    def _acts(self, ctx: StepContext, form: str) -> bool:
        chosen = self.settings.consolidation == form and self.settings.lambda_ > 0
        return chosen and bool(self.importance) and ctx.phase.moves_shared

    def before_task(self, ctx: Context) -> None:
        if self.settings.consolidation == "loss" and ctx.train.optimizer == "sgd" and self.importance:
            names = protected(self.importance, self.settings.protect)
            largest = max((float(self.importance[name].max()) for name in names), default=0.0)
            rate = ctx.train.lr * ctx.train.shared_lr
            steepest, limit = 2 * rate * self.settings.lambda_ * largest, 2 * (1 + ctx.train.momentum)
            if steepest > 0.5 * limit:
                where = f"nears {limit:.3g}, where" if steepest <= limit else f"exceeds {limit:.3g}, so that"
                warnings.warn(
                    f"consolidation=loss: 2 lr lambda max(Omega) = {steepest:.3g} {where} training diverges; use a "
                    "smaller lambda or consolidation=proximal",
                    stacklevel=2,
                )

    def penalty(self, ctx: StepContext) -> Tensor | None:
        if not self._acts(ctx, "loss"):
            return None
        parameters, anchors, importance = self._aligned(ctx.learner)
        return self.settings.lambda_ * quadratic_penalty(list(parameters), anchors, importance)

    def after_step(self, ctx: StepContext) -> None:
        if not self._acts(ctx, "proximal"):
            return
        parameters, anchors, importance = self._aligned(ctx.learner)
        if self._weights[0] != ctx.lr:  # the rate is flat for most of a task
            strength = 2 * ctx.lr * self.settings.lambda_
            self._weights = (ctx.lr, proximal_weights(importance, strength, self._weights[1]))
        proximal_step(parameters, anchors, self._weights[1])

    def after_task(self, ctx: Context) -> None:
        self._clear()
        measured = self.measure(ctx)
        if self.settings.scale == "mean":
            scaled_to_mean_one(measured)
        else:
            checked_mean(measured)
        if ctx.task.again is not None:
            for total in self.importance.values():
                total.mul_(ctx.others / (ctx.others + 1))
        self.combine(measured, {name: parameter.detach() for name, parameter in ctx.learner.shared().items()})

    def state_dict(self) -> dict[str, Tensor]:
        return {**under("importance", self.importance), **under("anchor", self.anchors)}

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        self.importance, self.anchors = within("importance", state), within("anchor", state)
        self._clear()
