"""The extensible class representation: how a generator's first layer learns which class is asked for.

A class's own parameters are made when its task begins and are frozen when it is over. Measured on ten digits, 400 steps
a task (prototype, one seed; see the design notes): with ``one-hot`` naive training forgets nearly everything, with
``random-gain`` far less, with ``own-layer`` hardly anything, because the first layer is then not shared at all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gencl.core.randomness import seeded


class ClassParameters(nn.Module, ABC):
    """Parameters of the classes' own, task by task, as rows that positions (n,) pick."""

    def __init__(self, latent: int, units: int) -> None:
        super().__init__()
        self.latent, self.units = latent, units
        self.tasks = nn.ModuleList()

    def grow(self, classes: int, seed: int) -> None:
        """Adds the own parameters of a task of so many classes."""
        with seeded(seed, "class layer", len(self.tasks)):
            self.tasks.append(nn.ParameterDict(dict(self.initial(classes))))

    @abstractmethod
    def initial(self, classes: int) -> Mapping[str, nn.Parameter]:
        """A task's own parameters, a row a class."""

    def of_class(self, name: str, positions: Tensor) -> Tensor:
        """The rows of the own parameter ``name`` at these class positions."""
        rows = [getattr(task, name) for task in self.tasks]
        together: Tensor = rows[0] if len(rows) == 1 else torch.cat(rows)
        return together[positions]


class ClassLayer(ClassParameters):
    """Maps latents (n, latent) and class positions (n,) to the first hidden units (n, units)."""

    @abstractmethod
    def forward(self, latents: Tensor, positions: Tensor) -> Tensor:
        """The first hidden units, before normalisation."""


class SharedLayer(ClassLayer):
    """A class layer with one fully connected layer that all classes share."""

    def __init__(self, latent: int, units: int) -> None:
        super().__init__(latent, units)
        self.linear = nn.Linear(latent, units)


class RandomGain(SharedLayer):
    """h = fc(z) * g_c + b_c with g_c drawn from N(0, 1) and b_c = 0, per unit and class.

    Random gains give each class a sub-space of the shared layer of its own.
    """

    def initial(self, classes: int) -> Mapping[str, nn.Parameter]:
        return {
            "gain": nn.Parameter(torch.randn(classes, self.units)),
            "bias": nn.Parameter(torch.zeros(classes, self.units)),
        }

    def forward(self, latents: Tensor, positions: Tensor) -> Tensor:
        return torch.addcmul(self.of_class("bias", positions), self.linear(latents), self.of_class("gain", positions))


class OneHot(SharedLayer):
    """h = fc([z, one-hot of c]): the papers' starting point.

    The columns of the one-hot part are kept as rows a class, which is the same function and can grow.
    """

    def initial(self, classes: int) -> Mapping[str, nn.Parameter]:
        bound = self.latent**-0.5
        return {"column": nn.Parameter(torch.empty(classes, self.units).uniform_(-bound, bound))}

    def forward(self, latents: Tensor, positions: Tensor) -> Tensor:
        hidden: Tensor = self.linear(latents)
        return hidden + self.of_class("column", positions)


class OwnLayer(ClassLayer):
    """h = W_c z + b_c: a first layer of its own per class. Hides what a method does; the most parameters a class."""

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
    """What a class adds to the first hidden units, (z A_c) B_c of low rank: A_c random, B_c zero at first."""

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
    """A scale and a shift per class of each channel (n, 2 * channels), 1 and 0 at first."""

    def initial(self, classes: int) -> Mapping[str, nn.Parameter]:
        return {
            "scale": nn.Parameter(torch.ones(classes, self.units)),
            "shift": nn.Parameter(torch.zeros(classes, self.units)),
        }

    def forward(self, positions: Tensor) -> Tensor:
        return torch.cat([self.of_class("scale", positions), self.of_class("shift", positions)], 1)


CLASS_LAYERS: dict[str, type[ClassLayer]] = {"random-gain": RandomGain, "one-hot": OneHot, "own-layer": OwnLayer}
