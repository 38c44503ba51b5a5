"""Several models of one task, trained from the same start, of which a method keeps one."""

from __future__ import annotations

import torch
from torch import Tensor

from gencl.core.prefixes import under, within
from gencl.learners.capabilities import CLASSIFIER
from gencl.learners.learner import Learner
from gencl.learners.measured import accuracy
from gencl.methods.base import Context


class Trials:
    """The models trained so far, by the number of their trial, with their validation accuracy.

    Models whose accuracy is below the best by more than the margin are dropped. ``chosen`` is the number of the model
    that is kept in the end.
    """

    def __init__(self) -> None:
        self.models: dict[int, tuple[float, dict[str, Tensor]]] = {}
        self.best = 0.0
        self.chosen = 0
        self._running = 0
        self._start: dict[str, Tensor] = {}

    def begin(self, ctx: Context, number: int, margin: float) -> None:
        """Begin trial ``number`` from the start of the first. A trial that is still running is ended before."""
        if self._start:
            self.end(ctx, margin)
            ctx.learner.load_state_dict(self._start)
        else:
            self._start = copied(ctx.learner)
        self._running = number

    def end(self, ctx: Context, margin: float) -> None:
        """Note the model that was trained last, and its accuracy."""
        reached = accuracy(CLASSIFIER(ctx.learner), ctx.task.validation)
        self.best = max(self.best, reached)
        self.models[self._running] = reached, copied(ctx.learner) if self._start else {}
        self.models = {number: one for number, one in self.models.items() if one[0] >= self.best - margin}

    def state_dict(self) -> dict[str, Tensor]:
        """Return all tensors that a resumed run needs, by name; empty if no trial has begun."""
        if not self._start:
            return {}
        numbers = torch.tensor([self.chosen, self._running, *self.models])
        reached = torch.tensor([self.best, *(reached for reached, _ in self.models.values())], dtype=torch.float64)
        bits = reached.view(torch.int64)  # exact on MPS too, which has no float64
        models = [under(f"model.{number}", model) for number, (_, model) in self.models.items()]
        start = under("start", self._start)
        return {key: t for part in models for key, t in part.items()} | start | {"numbers": numbers, "reached": bits}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restore `state_dict`."""
        if state:
            self._start = within("start", state)
            self.chosen, self._running, *numbers = state["numbers"].tolist()
            self.best, *reached = state["reached"].cpu().view(torch.float64).tolist()
            self.models = {n: (one, within(f"model.{n}", state)) for n, one in zip(numbers, reached, strict=True)}


def copied(learner: Learner) -> dict[str, Tensor]:
    """Return a copy of all parameters and buffers of the learner, by name."""
    return {name: value.detach().clone() for name, value in learner.state_dict().items()}
