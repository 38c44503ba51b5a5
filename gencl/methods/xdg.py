"""Context-dependent gating (Masse et al., PNAS 2018)."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from gencl.core.part import Part
from gencl.core.randomness import permutation
from gencl.learners.capabilities import UNITS
from gencl.methods.base import Context, Method


class XdG(Method):
    """Each task closes a random share of every hidden layer's units, which stays the same throughout.

    Tasks then share few units, but nothing protects those that they share. The authors therefore combine it with
    consolidation (``--method xdg+si``). A task that comes back uses the units of its first visit.
    """

    class Settings(Part):
        """The share of closed units."""

        closed: float = Field(
            0.8, ge=0, lt=1, description="share of each hidden layer's units that are closed in a task"
        )

    needs = (UNITS,)
    divides = True
    grid = {"closed": (0.2, 0.5, 0.8)}
    settings: Settings

    def before_task(self, ctx: Context) -> None:
        units, device = UNITS(ctx.learner), ctx.learner.position.device
        (group,) = ctx.learner.groups_of([ctx.task.index])
        gates = [self._gate(layer.units, ctx.seed, group, number) for number, layer in enumerate(units.hidden)]
        units.gates.store(group, [gate.to(device) for gate in gates])

    def _gate(self, units: int, *place: int) -> Tensor:
        gate = torch.ones(units)
        gate[permutation(units, "gating", *place)[: min(units - 1, round(self.settings.closed * units))]] = 0
        return gate
