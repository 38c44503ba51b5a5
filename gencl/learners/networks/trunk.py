"""The feature extractor of a classifier: a stack of hidden layers whose units tasks can share or divide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from gencl.core.randomness import RandomSource


@dataclass(frozen=True)
class Layer:
    """The names of a layer's shared parameters, for methods that give units or weights to tasks.

    ``weight`` has shape (units, inputs, ...), each of ``vectors`` (bias, scale and shift of a norm) shape (units,).
    Its inputs are the units of the previous layer. ``shortcuts`` are further weights into the same units; their inputs
    are the units of the layer before the previous one. A layer that is not ``hidden`` is a shared head: its units are
    the classes, and no mask closes them.
    """

    weight: str
    vectors: tuple[str, ...]
    units: int
    hidden: bool = True
    shortcuts: tuple[str, ...] = ()

    @property
    def weights(self) -> tuple[str, ...]:
        """The names of all weights into the layer's units."""
        return (self.weight, *self.shortcuts)


@runtime_checkable
class Layered(Protocol):
    """A network with layers of units that tasks can share or divide.

    Called with images, and gates (n, units) per layer or None, it returns features (n, f).
    """

    def layers(self) -> list[Layer]:
        """Return the layers, first to last."""

    def activations(self) -> list[nn.Module]:
        """Return the modules whose outputs are the units of the layers, before gates."""


def layers_in(network: nn.Module) -> list[Layer]:
    """Return the layers of units that tasks can share or divide; an empty list if the network has none."""
    return network.layers() if isinstance(network, Layered) else []


def gated(units: Tensor, gate: Tensor | None) -> Tensor:
    """Return units (n, units, ...) times a gate (n or 1, units); None leaves them as they are."""
    return units if gate is None else units * gate.view(*gate.shape, *[1] * (units.ndim - gate.ndim))


class Hidden(nn.Module):
    """A hidden layer: ``linear`` (fully connected or convolution), then ``rest`` (norm, activation, pooling, ...)."""

    def __init__(self, linear: nn.Linear | nn.Conv2d, *rest: nn.Module) -> None:
        super().__init__()
        self.linear, self.rest = linear, nn.Sequential(*rest)

    @property
    def units(self) -> int:
        return self.linear.weight.shape[0]

    def forward(self, inputs: Tensor) -> Tensor:
        if isinstance(self.linear, nn.Linear):
            inputs = inputs.flatten(1)
        outputs: Tensor = self.rest(self.linear(inputs))
        return outputs


class Trunk(nn.Module):
    """A stack of hidden layers. If gates are given, ``gates[l]`` (n, units) multiplies the units of layer l.

    The features are the last layer's units, (n, features). Convolutional units are averaged over positions, unless the
    number of ``positions`` is given: then the features keep the units at all of them.
    """

    def __init__(self, hidden: Sequence[Hidden], inputs: int = 0, positions: int = 0) -> None:
        super().__init__()
        self.hidden = nn.ModuleList(hidden)
        self.positions = positions
        self.features = hidden[-1].units * max(1, positions) if hidden else inputs

    def forward(self, images: Tensor, gates: Sequence[Tensor] | None = None) -> Tensor:
        units = images
        for number, layer in enumerate(self.hidden):
            units = layer(units)
            if gates is not None:
                units = gated(units, gates[number])
        averaged = units.ndim > 2 and self.hidden and not self.positions
        return units.flatten(2).mean(2) if averaged else units.flatten(1)

    def layers(self) -> list[Layer]:
        """Return the hidden layers, first to last."""
        layers = []
        for number, module in enumerate(self.hidden):
            names = [f"hidden.{number}.{name}" for name, _ in module.named_parameters()]
            weight = f"hidden.{number}.linear.weight"
            assert isinstance(module, Hidden)
            layers.append(Layer(weight, tuple(name for name in names if name != weight), module.units))
        return layers

    def activations(self) -> list[nn.Module]:
        """Return the hidden layers as modules; their outputs are the units."""
        return list(self.hidden)


class Dropout(nn.Module):
    """Dropout that draws from the run's random source, so that resumed and multi-process runs give the same results.

    Without a source it does nothing.
    """

    random: RandomSource | None = None

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, units: Tensor) -> Tensor:
        if not self.training or not self.p or self.random is None:
            return units
        kept = self.random.uniform(len(units), *units.shape[1:]) >= self.p
        return units * kept / (1 - self.p)


def dropouts(network: nn.Module) -> list[Dropout]:
    """Return the dropout layers of a network."""
    return [module for module in network.modules() if isinstance(module, Dropout)]


class GrowingBuffers(nn.Module):
    """Named buffers that grow. They are empty until something fills them, and take the shape of loaded tensors."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        for name in names:
            self.register_buffer(name, torch.zeros(0))

    def rows(self) -> list[Tensor]:
        """Return the buffers. `nn.Module.buffers` walks through all modules, which is too slow in every step."""
        return [buffer for buffer in self._buffers.values() if buffer is not None]

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        for name, buffer in list(self.named_buffers(recurse=False)):
            if prefix + name in state_dict:
                setattr(self, name, state_dict[prefix + name].to(buffer.device, copy=True))
        super()._load_from_state_dict(state_dict, prefix, *rest)


class Gates(GrowingBuffers):
    """Which hidden units each task uses: `rows` are (tasks, units) per layer, from 0 (closed) to 1 (open).

    If none are stored, all units are open. While a method learns the gates of ``live_task``, ``live``, (units,) per
    layer, replaces its stored ones; in evaluation mode they are rounded to open or closed.
    """

    def __init__(self, units: Sequence[int]) -> None:
        super().__init__([f"layer_{number}" for number in range(len(units))])
        self.live: list[Tensor] | None = None
        self.live_task = 0

    def store(self, task: int, gates: Sequence[Tensor]) -> None:
        """Set the gates of ``task``. Earlier tasks without stored gates are open."""
        for (name, rows), gate in zip(list(self.named_buffers()), gates, strict=True):
            kept = rows.view(-1, len(gate)).to(gate)
            missing = max(0, task + 1 - len(kept))
            kept = torch.cat([kept, torch.ones(missing, len(gate)).to(gate)])
            kept[task] = gate.detach()
            setattr(self, name, kept)

    def grow(self) -> None:
        """Add a task whose units are all open, if gates of other tasks are stored."""
        if self.rows() and len(self.rows()[0]):
            self.store(len(self.rows()[0]), [torch.ones_like(rows[0]) for rows in self.rows()])

    def of(self, tasks: Tensor) -> list[Tensor] | None:
        """Return the gates of samples of these tasks (n,), (n or 1, units) per layer; None: all open."""
        rows = self.rows()
        stored = [row[tasks] for row in rows] if rows and len(rows[0]) else None
        if self.live is None:
            return stored
        live = self.live if self.training else [(gate > 0.5).to(gate) for gate in self.live]
        if stored is None:
            return [gate[None] for gate in live]
        new = (tasks == self.live_task)[:, None]
        return [torch.where(new, gate[None], row) for gate, row in zip(live, stored, strict=True)]


class Ownership(GrowingBuffers):
    """Which task owns each weight: 0 for none yet, else 1 + the task's index; empty: nothing is divided.

    A task uses its own weights and those of earlier tasks. All others count as zero for it (PackNet).
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = {name: name.replace(".", "/") for name in names}
        super().__init__(list(self._names.values()))

    def divided(self) -> bool:
        """Return whether owners are stored for any weight."""
        return any(owner.numel() for owner in self.rows())

    def get(self, name: str) -> Tensor:
        owner: Tensor = getattr(self, self._names[name])
        return owner

    def store(self, name: str, owner: Tensor) -> None:
        setattr(self, self._names[name], owner)

    def seen_by(self, task: int, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the parameters as ``task`` sees them: zero wherever they are free or belong to a later task."""
        return {
            name: parameter * ((owner > 0) & (owner <= task + 1)) if (owner := self.get(name)).numel() else parameter
            for name, parameter in parameters.items()
        }
