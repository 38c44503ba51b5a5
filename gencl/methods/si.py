"""Synaptic intelligence (Zenke et al., ICML 2017)."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import Parameter

from gencl.methods.base import Context, under, within
from gencl.methods.consolidation import Consolidation, ConsolidationSettings
from gencl.models.learner import Learner


class SI(Consolidation):
    """Omega is a weight's share of the fall of the loss along the path of training (Zenke et al. eq. 3-5).

    Over the steps of a task omega += -g dW, with g the gradient of the **task's** loss: its own penalty, where it is
    in the loss, is taken out of it again. Then Omega = max(0, omega) / ((W_end - W_start)^2 + damping), the distance
    being the whole task's.
    """

    class Settings(ConsolidationSettings):
        """Strength, form, and damping."""

        damping: float = Field(0.1, gt=0, description="xi: keeps weights that hardly moved from mattering most")

    settings: Settings

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.path: dict[str, Tensor] = {}
        """omega of the present task, by name."""
        self.start: dict[str, Tensor] = {}
        """Where the task began, by name."""
        self._step: tuple[list[Parameter], list[Tensor], list[Tensor]] | None = None

    def before_task(self, ctx: Context) -> None:
        super().before_task(ctx)
        self.start = {name: parameter.detach().clone() for name, parameter in ctx.learner.shared().items()}
        self.path = {name: torch.zeros_like(value) for name, value in self.start.items()}

    def adjust_gradients(self, ctx: Context) -> None:
        assert ctx.phase is not None
        super().adjust_gradients(ctx)
        if not ctx.phase.moves_shared:
            return
        shared = ctx.learner.shared()
        parameters = list(shared.values())
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in parameters]
        if self._acts(ctx, "loss"):
            aligned, anchors, importance = self._aligned(ctx.learner)
            pulls = torch._foreach_sub([p.detach() for p in aligned], anchors)
            torch._foreach_mul_(pulls, importance)
            task_gradients = dict(zip(shared, gradients, strict=True))
            pulled = [task_gradients[name] for name in self.protected(self.importance)]
            torch._foreach_sub_(pulled, pulls, alpha=2 * self.settings.lambda_)
        self._step = parameters, gradients, [p.detach().clone() for p in parameters]

    @torch.no_grad()
    def after_step(self, ctx: Context) -> None:
        super().after_step(ctx)
        if self._step is not None:
            parameters, gradients, before = self._step
            moved = torch._foreach_sub(list[Tensor](parameters), before)
            torch._foreach_addcmul_(list(self.path.values()), gradients, moved, value=-1.0)
            self._step = None

    def measure(self, ctx: Context) -> dict[str, Tensor]:
        return {
            name: self.path[name].clamp(min=0)
            / ((parameter.detach() - self.start[name]).square() + self.settings.damping)
            for name, parameter in ctx.learner.shared().items()
        }

    def state_dict(self) -> dict[str, Tensor]:
        return {**super().state_dict(), **under("path", self.path), **under("start", self.start)}

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        super().load_state_dict(state, learner)
        path, self.start = within("path", state), within("start", state)
        self.path = {name: path[name] for name in learner.shared() if path}  # steps rely on the learner's order
