"""The extensible class representation: how a generator's first layer is conditioned on the class.

A class's own parameters are created when its task begins and frozen when the task is over. The choice matters. On ten
digits with 400 steps per task (prototype, one seed), naive training forgets nearly everything
with ``one-hot`` and far less with ``random-gain``. With ``own-layer`` it forgets hardly anything, because the first
layer is then not shared at all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gencl.core.randomness import seeded


class ClassParameters(nn.Module, ABC):
    """Own parameters of classes, one row per class, stored task by task and looked up by class positions (n,)."""

    def __init__(self, latent: int, units: int) -> None:
        super().__init__()
        self.latent, self.units = latent, units
        self.tasks = nn.ModuleList()

    def grow(self, classes: int, seed: int) -> None:
        """Add the own parameters of a task with this number of classes, initialised from ``seed``."""
        with seeded(seed, "class layer", len(self.tasks)):
            self.tasks.append(nn.ParameterDict(dict(self.initial(classes))))

    @abstractmethod
    def initial(self, classes: int) -> Mapping[str, nn.Parameter]:
        """Return a new task's own parameters, by name, one row per class."""

    def of_class(self, name: str, positions: Tensor) -> Tensor:
        """Return the rows of the own parameter ``name`` at these class positions."""
        rows = [getattr(task, name) for task in self.tasks]
        together: Tensor = rows[0] if len(rows) == 1 else torch.cat(rows)
        return together[positions]


class ClassLayer(ClassParameters):
    """Maps latents (n, latent) and class positions (n,) to the first hidden units (n, units)."""

    @abstractmethod
    def forward(self, latents: Tensor, positions: Tensor) -> Tensor:
        """Return the first hidden units, before normalisation."""


class SharedLayer(ClassLayer):
    """A class layer with one fully connected layer that all classes share."""

    def __init__(self, latent: int, units: int) -> None:
        super().__init__(latent, units)
        self.linear = nn.Linear(latent, units)


class RandomGain(SharedLayer):
    """h = fc(z) * g_c + b_c with g_c drawn from N(0, 1) and b_c = 0, per unit and class.

    Random gains give each class its own sub-space of the shared layer.
    """

    def initial(self, classes: int) -> Mapping[str, nn.Parameter]:
        return {
            "gain": nn.Parameter(torch.randn(classes, self.units)),
            "bias": nn.Parameter(torch.zeros(classes, self.units)),
        }

    def forward(self, latents: Tensor, positions: Tensor) -> Tensor:
        return torch.addcmul(self.of_class("bias", positions), self.linear(latents), self.of_class("gain", positions))


class OneHot(SharedLayer):
    """h = fc([z, one-hot of c]), the papers' starting point.

    The columns for the one-hot part are stored as one row per class: the same function, but it can grow.
    """

    def initial(self, classes: int) -> Mapping[str, nn.Parameter]:
        bound = self.latent**-0.5
        return {"column": nn.Parameter(torch.empty(classes, self.units).uniform_(-bound, bound))}

    def forward(self, latents: Tensor, positions: Tensor) -> Tensor:
        hidden: Tensor = self.linear(latents)
        return hidden + self.of_class("column", positions)


class OwnLayer(ClassLayer):
    """h = W_c z + b_c: a separate first layer per class. It needs the most parameters and hides a method's effect."""

    def initial(self, classes: int) -> Mapping[str, nn.Parameter]:
        bound = self.latent**-0.5
        return {
            "weight": nn.Parameter(torch.empty(classes, self.units, self.latent).uniform_(-bound, bound)),
            "bias": nn.Parameter(torch.empty(classes, self.units).uniform_(-bound, bound)),
        }

    def forward(self, latents: Tensor, positions: Tensor) -> Tensor:
        product = torch.bmm(self.of_class("weight", positions), latents.unsqueeze(2)).squeeze(2)
        return product + self.of_class("bias", positions)


class Adapter(ClassParameters):
    """A low-rank map per class, (z A_c) B_c, added to the first hidden units. A_c starts random, B_c at zero."""

    def __init__(self, latent: int, units: int, rank: int) -> None:
        super().__init__(latent, units)
        self.rank = rank

    def initial(self, classes: int) -> Mapping[str, nn.Parameter]:
        return {
            "down": nn.Parameter(torch.randn(classes, self.latent, self.rank) * self.latent**-0.5),
            "up": nn.Parameter(torch.zeros(classes, self.rank, self.units)),
        }

    def forward(self, latents: Tensor, positions: Tensor) -> Tensor:
        inner = torch.bmm(latents.unsqueeze(1), self.of_class("down", positions))
        return torch.bmm(inner, self.of_class("up", positions)).squeeze(1)


class Modulation(ClassParameters):
    """A scale (initially 1) and a shift (0) per class and channel, returned as (n, 2 * channels)."""

    def initial(self, classes: int) -> Mapping[str, nn.Parameter]:
        return {
            "scale": nn.Parameter(torch.ones(classes, self.units)),
            "shift": nn.Parameter(torch.zeros(classes, self.units)),
        }

    def forward(self, positions: Tensor) -> Tensor:
        return torch.cat([self.of_class("scale", positions), self.of_class("shift", positions)], 1)


CLASS_LAYERS: dict[str, type[ClassLayer]] = {"random-gain": RandomGain, "one-hot": OneHot, "own-layer": OwnLayer}
