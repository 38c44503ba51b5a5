"""PackNet (Mallya & Lazebnik, CVPR 2018)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.part import Part
from gencl.learners.capabilities import OWNERSHIP
from gencl.learners.learner import Learner
from gencl.learners.networks.trunk import Ownership
from gencl.methods.base import Context, Stage
from gencl.methods.freezing import Freezing
from gencl.methods.pruning import least, prunable


class PackNet(Freezing):
    """Each task keeps the largest of the weights that were free for it; the others become free for later tasks.

    A task is trained, the smallest of **its own** free weights are set to zero, and it is retrained with the rest. The
    weights that it keeps are frozen. Later tasks use them too, but a task never sees the weights of later tasks.
    Biases, norms and a head that all tasks share are frozen after the first task. The last planned task keeps all
    remaining weights, so that no task can follow. With ``last="prune"`` it is pruned like the others, and the run can
    be extended.

    A task that comes back sees the weights of its first visit. Later tasks use them by now, so only its own head moves.
    """

    class Settings(Part):
        """Pruning."""

        prune: float = Field(
            75.0, gt=0, lt=100, description="percentage of the weights it trained that each task frees for later tasks"
        )
        retrain: float = Field(0.3, gt=0, lt=1, description="share of a task's steps for retraining after pruning")
        last: Literal["keep", "prune"] = Field("keep", description="whether the last task is pruned too")

    needs = (OWNERSHIP,)
    grid = {"prune": (50.0, 75.0, 85.0)}
    settings: Settings

    def check_extension(self) -> None:
        if self.settings.last == "keep":
            raise UsageError(
                "method packnet: the last of the planned tasks keeps all weights that are left, so that none can "
                "follow; train a run with method.last=prune, where it gives some away"
            )

    def stages(self, task: int, last: bool) -> list[Stage]:
        if last and self.settings.last == "keep":
            return [Stage("train")]
        retrain = self.settings.retrain
        return [Stage("train", 1 - retrain), Stage("retrain", retrain, prune=self.settings.prune / 100)]

    @staticmethod
    def _ownership(ctx: Context) -> Ownership:
        return OWNERSHIP(ctx.learner)

    @staticmethod
    def _weights(ctx: Context) -> dict[str, Tensor]:
        """Return the trunk's weight matrices and kernels, which are divided among tasks."""
        shared = {name: parameter.detach() for name, parameter in ctx.learner.shared().items()}
        return {name: weight for name, weight in prunable(shared).items() if name.startswith("trunk.")}

    def _owner(self, ctx: Context, name: str, weight: Tensor) -> Tensor:
        owner = self._ownership(ctx).get(name.removeprefix("trunk."))
        return owner if owner.numel() else torch.zeros_like(weight, dtype=torch.int32)

    def before_task(self, ctx: Context) -> None:
        super().before_task(ctx)
        if ctx.learner.returns(ctx.task.index):
            self.freeze_shared(ctx.learner)
        elif self._ownership(ctx).divided():
            self.freeze(self._taken(ctx))

    def _taken(self, ctx: Context) -> dict[str, Tensor]:
        """Return masks of what earlier tasks hold: their weights, and after the first task all that is not divided."""
        weights = self._weights(ctx)
        divided = self._ownership(ctx).divided()
        return {
            name: self._owner(ctx, name, parameter) > 0
            if name in weights
            else torch.full_like(parameter, divided, dtype=torch.bool)
            for name, parameter in ctx.learner.shared().items()
        }

    @torch.no_grad()
    def enter_stage(self, ctx: Context) -> None:
        if not ctx.stage.prune or ctx.learner.returns(ctx.task.index):
            return
        frozen = self._taken(ctx)
        shared = ctx.learner.shared()
        for name, weight in self._weights(ctx).items():
            given = least(weight.abs(), weight, ~frozen[name], ctx.stage.prune)
            shared[name].masked_fill_(given, 0)
            frozen[name] = frozen[name] | given
        self.freeze(frozen)

    def after_task(self, ctx: Context) -> None:
        if ctx.learner.returns(ctx.task.index):
            return
        ownership, (group,) = self._ownership(ctx), ctx.learner.groups_of([ctx.task.index])
        for name, weight in self._weights(ctx).items():
            owner = self._owner(ctx, name, weight)
            kept = ~self.frozen.get(name, torch.zeros_like(weight, dtype=torch.bool))
            owner = torch.where(kept & (owner == 0), group + 1, owner)
            ownership.store(name.removeprefix("trunk."), owner.to(torch.int32))

    def capacity(self, learner: Learner) -> dict[str, float]:
        ownership = OWNERSHIP(learner)
        trunk = [name for name in learner.shared() if name.startswith("trunk.")]  # a shared head is not divided
        owners = {name: ownership.get(name.removeprefix("trunk.")) for name in trunk}
        return {name: float((owner > 0).float().mean()) for name, owner in owners.items() if owner.numel()}
