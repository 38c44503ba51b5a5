"""A classifier's units, layer by layer, for methods that give units to tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor, nn
from torch.nn import Parameter

from gencl.learners.networks.trunk import Gates, Layer, layers_in


@dataclass(frozen=True)
class Units:
    """The layers of units, first to last, and which units each task uses.

    If all tasks share one head, it is the last of ``layers``, with ``hidden`` False. ``parameters`` are the shared
    ones, by name.
    """

    layers: Sequence[Layer]
    gates: Gates
    parameters: Mapping[str, Parameter]

    @property
    def hidden(self) -> list[Layer]:
        """The layers whose units can be divided among tasks."""
        return [layer for layer in self.layers if layer.hidden]

    @property
    def head_is_shared(self) -> bool:
        """Whether all tasks share one head."""
        return not self.layers[-1].hidden

    def used(self, group: int) -> list[Tensor]:
        """Return which units the tasks of a group (`Learner.groups`) use: bool (units,) per hidden layer."""
        return [rows[group].bool() for rows in self.gates.rows()]

    def taken(self) -> dict[str, float]:
        """Return the share of each hidden layer's units that at least one task uses, by the layer's weight name."""
        names = [layer.weight for layer in self.hidden]
        return {
            name: float((rows > 0).any(0).float().mean()) for name, rows in zip(names, self.gates.rows(), strict=True)
        }


def layers_of(trunk: nn.Module, head: int | None) -> list[Layer]:
    """Return the layers of a trunk's units, first to last, then a shared head of ``head`` units (None: no head)."""

    def within(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(f"trunk.{name}" for name in names)

    layers = [
        replace(layer, weight=f"trunk.{layer.weight}", vectors=within(layer.vectors), shortcuts=within(layer.shortcuts))
        for layer in layers_in(trunk)
    ]
    return layers if head is None else [*layers, Layer("head.0.weight", ("head.0.bias",), head, hidden=False)]
