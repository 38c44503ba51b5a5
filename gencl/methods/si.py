"""Synaptic intelligence (Zenke et al., ICML 2017)."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from gencl.core.prefixes import under, within
from gencl.learners.learner import Learner
from gencl.methods.base import Context, StepContext
from gencl.methods.consolidation import Consolidation, ConsolidationSettings


class SI(Consolidation):
    """Omega is a weight's share of the decrease of the loss along the path of training (Zenke et al. eq. 3-5).

    In each step of a task omega += -g dW, with g the gradient of the **task's** loss. If the method's own penalty is
    part of the loss, its gradient is subtracted first. After the task, Omega = max(0, omega) / ((W_end - W_start)^2 +
    damping), where the distance is that of the whole task. If other methods run beside it, dW is the whole change of a
    step, including their pulls and masks: a weight that is held in place has no path. If a task's weights are
    averaged at its end, the distance is that of the averaged ones.
    """

    class Settings(ConsolidationSettings):
        """Strength and form of consolidation, and damping."""

        damping: float = Field(
            0.1, gt=0, description="damping term xi, which limits the importance of weights that hardly moved"
        )

    one_path = True
    copies = 5.0
    settings: Settings

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.path: dict[str, Tensor] = {}
        """omega of the present task, by name."""
        self.start: dict[str, Tensor] = {}
        """The weights at the start of training on the task, by name: the anchors, unless another method moved them."""
        self._step: tuple[list[Tensor], list[Tensor]] | None = None
        """The parameters and their gradients, within a step."""

    def before_task(self, ctx: Context) -> None:
        super().before_task(ctx)
        self.path, self.start = {}, {}

    def enter_stage(self, ctx: Context) -> None:
        """Note the weights where training begins, once every method has prepared the task."""
        super().enter_stage(ctx)
        if self.path:
            return  # a later stage
        shared = {name: parameter.detach() for name, parameter in ctx.learner.shared().items()}
        self.path = {name: torch.zeros_like(parameter) for name, parameter in shared.items()}
        at_anchors = bool(self.anchors) and all(torch.equal(self.anchors[name], shared[name]) for name in shared)
        self.start = self.anchors if at_anchors else {name: value.clone() for name, value in shared.items()}

    def adjust_gradients(self, ctx: StepContext) -> None:
        super().adjust_gradients(ctx)
        if not ctx.phase.moves_shared:
            return
        shared = self._shared(ctx.learner)
        parameters = [parameter.detach() for parameter in shared.values()]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in shared.values()]
        if self._acts(ctx, "loss"):
            aligned, anchors, importance = self._aligned(ctx.learner)
            pulls = torch._foreach_sub([p.detach() for p in aligned], anchors)
            torch._foreach_mul_(pulls, importance)
            of_task = dict(zip(map(id, shared.values()), gradients, strict=True))
            for key, pull in zip(map(id, aligned), pulls, strict=True):
                of_task[key] = of_task[key].sub(pull, alpha=2 * self.settings.lambda_)
            gradients = list(of_task.values())
        self._step = parameters, gradients
        self._walk(1)

    def _walk(self, sign: int) -> None:
        """Add sign * g W to omega: +1 before the step and -1 after it give -g dW in all.

        This is as exact as subtracting a copy of W, since W itself is rounded in each step, and needs less memory and
        time.
        """
        assert self._step is not None
        parameters, gradients = self._step
        torch._foreach_addcmul_(list(self.path.values()), gradients, parameters, value=sign)

    def end_step(self, ctx: StepContext) -> None:
        if self._step is not None:
            self._walk(-1)
            self._step = None

    def after_task(self, ctx: Context) -> None:
        super().after_task(ctx)
        self.path, self.start = {}, {}

    def measure(self, ctx: Context) -> dict[str, Tensor]:
        return {
            name: self.path[name]
            .clamp(min=0)
            .div_((parameter.detach() - self.start[name]).square_().add_(self.settings.damping))
            for name, parameter in ctx.learner.shared().items()
        }

    def state_dict(self) -> dict[str, Tensor]:
        first = {} if self.start is self.anchors else self.start
        return {**super().state_dict(), **under("path", self.path), **under("start", first)}

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        super().load_state_dict(state, learner)
        path, self.start = within("path", state), within("start", state) or self.anchors
        self.path = {name: path[name] for name in learner.shared() if path}  # steps rely on the learner's order
