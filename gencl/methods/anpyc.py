"""ANPyC: adversarial neural pruning and synaptic consolidation (Peng et al., TNNLS 2021)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.prefixes import under, within
from gencl.learners.learner import Learner
from gencl.methods.base import Context, Stage, StepContext, importance_random
from gencl.methods.consolidation import samples
from gencl.methods.importance import moments
from gencl.methods.pruning import least, prunable, set_to_zero
from gencl.methods.spp import SPP, EntropySettings
from gencl.scenarios.task import Task

Percent = Annotated[float, Field(ge=0, lt=100)]
_LABELLED = ("loss", "loss-size")
"""The scores that need the likelihood of labels."""


class ANPyC(SPP):
    """SPP's consolidation with pruning: each task is compressed into fewer weights, and the rest are left free.

    After a task is trained, rounds of pruning follow (eq. 4, algorithm 1). Each sets the least important of the free
    weights to zero and retrains the task. Importance and anchors are then measured on the pruned network. A pruned
    weight therefore has zero importance and is free for the next task. The mask M^{1:t+1} = M^{1:t} and M^{t+1} (eq. 9)
    says which weights may be pruned next; it protects nothing by itself. M = 1 means pruned and free.

    Only weight matrices and kernels are pruned. Nothing is pruned after the last planned task, nor after tasks that
    extend a run. ``last="prune"`` prunes there too: to make a network small (ANPyC table IV), or to leave room for
    later tasks.

    The percentage is of the weights that are free when the task begins, in exact counts. By eq. 9 they become ever
    fewer: 20 % of the network after the first task, 4 % after the second. Pruning therefore matters most for the first
    tasks. Retraining takes its steps from the task's own, so that comparisons are at equal steps.

    The paper contradicts itself about what is pruned. Its eq. 3-4 take the saliency of the labelled error E, which may
    be negative: -g W + F W^2 / 2. Here g is the mean gradient, and F the diagonal Fisher information in place of the
    Hessian (``score: loss``; ``loss-size`` takes the absolute value). Its algorithm 1 takes the importance, which needs
    no labels (``importance``, the default).
    """

    class Settings(EntropySettings):
        """Settings of consolidation, of the entropy importance, and of pruning."""

        prune: Percent | Annotated[list[Percent], Field(min_length=1)] = Field(
            20.0,
            description="percentage of the free weights that each task prunes; a list: percentage of the remaining "
            "weights in each round",
        )
        decay: float = Field(1.0, gt=0, le=1, description="factor on prune from one task to the next")
        rounds: int = Field(
            2, ge=1, le=100, description="rounds of pruning and retraining, if prune is a single number"
        )
        last: Literal["keep", "prune"] = Field("keep", description="whether the last task is pruned too")
        retrain: float = Field(
            0.4, gt=0, lt=1, description="share of a task's steps for retraining, all rounds together"
        )
        score: Literal["importance", "loss", "loss-size", "magnitude", "random"] = Field(
            "importance",
            description="score of a weight; the lowest are pruned first. loss: increase of the labelled error (eq. "
            "3-4); loss-size: its absolute change",
        )

    holds = True
    settings: Settings

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.free: dict[str, Tensor] = {}
        """The weights that may be pruned, bool masks by name. Empty before the first pruning: all may be."""
        self.pruned: dict[str, Tensor] = {}
        """The weights held at zero while the present task is retrained, bool masks by name."""

    def check(self, learner: Learner, tasks: Sequence[Task] = ()) -> None:
        super().check(learner, tasks)
        if self.settings.score in _LABELLED and "likelihood" not in learner.scalar_kinds:
            kinds = ", ".join(sorted(learner.scalar_kinds))
            raise UsageError(
                f"method.score: {self.settings.score} needs a learner with a likelihood, and this one has {kinds}"
            )

    def stages(self, task: int, last: bool) -> list[Stage]:
        shares = [share * self.settings.decay**task for share in self._shares()]
        if not any(shares) or (last and self.settings.last == "keep"):
            return [Stage("train")]
        each = self.settings.retrain / len(shares)
        return [Stage("train", 1 - self.settings.retrain), *(Stage("retrain", each, prune=share) for share in shares)]

    def _shares(self) -> list[float]:
        """Return the total pruned after each round, as a share of the weights that were free when the task began."""
        prune, rounds = self.settings.prune, self.settings.rounds
        if isinstance(prune, float):
            return [prune / 100 * (turn + 1) / rounds for turn in range(rounds)]
        left = [math.prod(1 - part / 100 for part in prune[: turn + 1]) for turn in range(len(prune))]
        return [1 - share for share in left]

    def enter_stage(self, ctx: Context) -> None:
        if not ctx.stage.prune:
            return
        self._clear()  # frees memory before the scores are computed
        weights = prunable({name: parameter.detach() for name, parameter in ctx.learner.shared().items()})
        scores = self._scores(ctx, weights)
        free = self.free or {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights.items()}
        self.free = free
        self.pruned = {
            # weights that an earlier round pruned get the lowest score, so that they stay pruned
            name: least(
                scores.pop(name).masked_fill_(self._zeroed(name, weight), -math.inf),
                weight,
                free[name],
                ctx.stage.prune,
            )
            for name, weight in weights.items()
        }
        self._hold_at_zero(ctx)

    def _clear(self) -> None:
        super()._clear()
        self._moving: dict[Tensor, Tensor] = {}
        """Masks of the entries that are not held at zero, by parameter."""

    def _zeroed(self, name: str, weight: Tensor) -> Tensor:
        return self.pruned.get(name, torch.zeros_like(weight, dtype=torch.bool))

    def _scores(self, ctx: Context, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        if self.settings.score == "importance":
            return self.measure(ctx)
        if self.settings.score in _LABELLED:
            rises = self._saliency(ctx, weights)
            return rises if self.settings.score == "loss" else {name: rise.abs_() for name, rise in rises.items()}
        if self.settings.score == "magnitude":
            return {name: weight.abs() for name, weight in weights.items()}
        random = importance_random(ctx, "random pruning")
        return {name: random.uniform(*weight.shape) for name, weight in weights.items()}

    def _saliency(self, ctx: Context, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the rise of the labelled error, -log p, when a weight is removed (eq. 3, Fisher information)."""
        shared, batch = ctx.learner.shared(), samples(ctx, self.settings)
        mean, square = moments(ctx.learner, "likelihood", batch, shared, ["mean", "square"], ctx.processes)
        return {name: mean[name] * w + square[name] * w.square() / 2 for name, w in weights.items()}

    def _hold_at_zero(self, ctx: Context) -> None:
        shared = self._shared(ctx.learner)
        set_to_zero([shared[name] for name in self.pruned], self.pruned.values())

    def adjust_gradients(self, ctx: StepContext) -> None:
        super().adjust_gradients(ctx)
        if self.pruned and ctx.phase.moves_shared:
            shared = self._shared(ctx.learner)
            self._moving = self._moving or {shared[name]: ~mask for name, mask in self.pruned.items()}
            ctx.free.update(self._moving)

    def after_step(self, ctx: StepContext) -> None:
        super().after_step(ctx)
        if self.pruned and ctx.phase.moves_shared:
            self._hold_at_zero(ctx)

    def after_task(self, ctx: Context) -> None:
        super().after_task(ctx)
        if self.pruned:
            self.free, self.pruned = self.pruned, {}

    def capacity(self, learner: Learner) -> dict[str, float]:
        # sorted, since a resumed run has the order of its checkpoint
        return {name: 1 - int(free.sum()) / free.numel() for name, free in sorted(self.free.items())}

    def state_dict(self) -> dict[str, Tensor]:
        return {**super().state_dict(), **under("free", self.free), **under("pruned", self.pruned)}

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        super().load_state_dict(state, learner)
        self.free, self.pruned = within("free", state), within("pruned", state)
