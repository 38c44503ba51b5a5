"""Entries of shared parameters that no step may move: the base of SGD-F, PackNet, HAT and CLNP."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import Parameter

from gencl.core.prefixes import under, within
from gencl.learners.learner import Learner
from gencl.learners.networks.norms import hold
from gencl.methods.base import Context, Method, StepContext


class Freezing(Method):
    """Keeps the entries in ``frozen`` (bool masks by name) unchanged, bit for bit.

    Their gradients are zeroed, and their values are restored after each step, because momentum, Adam's moments and
    weight decay move weights even if the gradient is zero. The running statistics of old tasks are held too, whatever
    another method replays. If all shared parameters are frozen, so are running statistics that all tasks share.
    """

    divides = True
    copies = 3.25
    moves_old = False  # old outputs stay the same only if old heads do

    def __init__(self, settings: object) -> None:
        super().__init__(settings)
        self.frozen: dict[str, Tensor] = {}
        self._held: tuple[list[Parameter], list[Tensor], list[Tensor], list[Tensor]] | None = None

    def before_task(self, ctx: Context) -> None:
        self._hold_statistics(ctx.learner)

    @staticmethod
    def _hold_statistics(learner: Learner, all_fixed: bool = False) -> None:
        present = len(learner.tasks) - 1
        known = learner.groups if learner.returns(present) else learner.groups_of(range(present))
        hold(learner, len(known), all_fixed)

    def freeze(self, frozen: dict[str, Tensor]) -> None:
        """Freeze these entries from now on, at their values when the next step begins."""
        self.frozen = {name: mask for name, mask in frozen.items() if bool(mask.any())}
        self._held = None

    def freeze_shared(self, learner: Learner) -> None:
        """Freeze all shared parameters from now on, so that only the task's own parameters move."""
        self.freeze({name: torch.ones_like(p, dtype=torch.bool) for name, p in learner.shared().items()})
        self._hold_statistics(learner, all_fixed=True)

    def _holding(self, learner: Learner) -> tuple[list[Parameter], list[Tensor], list[Tensor], list[Tensor]]:
        """Return the parameters, their frozen values, and masks that are 1 where frozen and 1 where free."""
        if self._held is None:
            shared = learner.shared()
            parameters = [shared[name] for name in self.frozen]
            masks = [mask.to(p.dtype) for mask, p in zip(self.frozen.values(), parameters, strict=True)]
            self._held = parameters, [p.detach().clone() for p in parameters], masks, [1 - mask for mask in masks]
        return self._held

    def adjust_gradients(self, ctx: StepContext) -> None:
        if self.frozen and ctx.phase.moves_shared:
            parameters, _, _, free = self._holding(ctx.learner)
            ctx.free.update(zip(parameters, free, strict=True))
            moving = [(p.grad, mask) for p, mask in zip(parameters, free, strict=True) if p.grad is not None]
            torch._foreach_mul_([gradient for gradient, _ in moving], [mask for _, mask in moving])

    @torch.no_grad()
    def after_step(self, ctx: StepContext) -> None:
        if self.frozen and ctx.phase.moves_shared:
            parameters, values, masks, _ = self._holding(ctx.learner)
            torch._foreach_lerp_(list[Tensor](parameters), values, masks)  # exact where the mask is 0 or 1

    def state_dict(self) -> dict[str, Tensor]:
        return under("frozen", self.frozen)

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        self.freeze(within("frozen", state))
        everything = bool(self.frozen) and self.frozen.keys() == learner.shared().keys()
        self._hold_statistics(learner, everything and all(bool(mask.all()) for mask in self.frozen.values()))
