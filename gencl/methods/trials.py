"""Several models of one task, all trained from the same start, of which a method keeps one."""

from __future__ import annotations

import torch
from torch import Tensor

from gencl.core.prefixes import under, within
from gencl.learners.capabilities import CLASSIFIER
from gencl.learners.learner import Learner
from gencl.learners.measured import accuracy
from gencl.methods.base import Context


class Trials:
    """The models that were trained so far, by the number of their trial, with their validation accuracy.

    Models that are further than the margin from the best are not kept. ``chosen`` is the number of the one that stays.
    """

    def __init__(self) -> None:
        self.models: dict[int, tuple[float, dict[str, Tensor]]] = {}
        self.best = 0.0
        self.chosen = 0
        self._running = 0
        self._start: dict[str, Tensor] = {}

    def begin(self, ctx: Context, number: int, margin: float) -> None:
        """Ends the trial that is running, and goes back to where the first one began."""
        if self._start:
            self.end(ctx, margin)
            ctx.learner.load_state_dict(self._start)
        else:
            self._start = copied(ctx.learner)
        self._running = number

    def end(self, ctx: Context, margin: float) -> None:
        """Notes the accuracy of the model that was trained last."""
        reached = accuracy(CLASSIFIER(ctx.learner), ctx.task.validation)
        self.best = max(self.best, reached)
        self.models[self._running] = reached, copied(ctx.learner) if self._start else {}
        self.models = {number: one for number, one in self.models.items() if one[0] >= self.best - margin}

    def state_dict(self) -> dict[str, Tensor]:
        """What a resumed run needs of it; nothing where no trial has begun."""
        if not self._start:
            return {}
        numbers = torch.tensor([self.chosen, self._running, *self.models])
        reached = torch.tensor([self.best, *(reached for reached, _ in self.models.values())], dtype=torch.float64)
        models = [under(f"model.{number}", model) for number, (_, model) in self.models.items()]
        start = under("start", self._start)
        return {key: t for part in models for key, t in part.items()} | start | {"numbers": numbers, "reached": reached}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restores `state_dict`."""
        if state:
            self._start = within("start", state)
            self.chosen, self._running, *numbers = state["numbers"].tolist()
            self.best, *reached = state["reached"].tolist()
            self.models = {n: (one, within(f"model.{n}", state)) for n, one in zip(numbers, reached, strict=True)}


def copied(learner: Learner) -> dict[str, Tensor]:
    """All parameters and buffers of the learner as they are now."""
    return {name: value.detach().clone() for name, value in learner.state_dict().items()}
