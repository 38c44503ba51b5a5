"""Random numbers that depend only on a name and a seed, not on other draws or the number of processes."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.utils.deterministic
from torch import Tensor


def derive_seed(*parts: object) -> int:
    """Return a 63-bit seed derived from the text of ``parts``. Equal parts give equal seeds on every machine."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*parts: object, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a new generator, seeded by `derive_seed`."""
    return torch.Generator(device).manual_seed(derive_seed(*parts))


def permutation(n: int, *parts: object) -> Tensor:
    """Return a permutation of range(n), shape (n,), that depends on ``parts`` alone."""
    return torch.randperm(n, generator=generator(*parts))


_GLOBAL = threading.RLock()
"""Held while torch's global generator is seeded, since other threads may initialise layers too."""


@contextmanager
def seeded(*parts: object) -> Iterator[None]:
    """Seed torch's global CPU generator, from which layers draw their weights, inside the block; then restore it."""
    with _GLOBAL, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive_seed(*parts))  # torch.manual_seed would seed GPUs, too
        yield


_FILL = "fill_uninitialized_memory"


@contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """On the CPU, make torch use deterministic algorithms inside the block. It warns of an operation that has none.

    With several threads, other algorithms (such as the backward pass of indexing) sum in the order that threads finish.
    """
    if device.type != "cpu":
        yield
        return
    fills = torch.utils.deterministic
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    filled = getattr(fills, _FILL)
    setattr(fills, _FILL, False)  # it costs time and changes nothing here
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        setattr(fills, _FILL, filled)


class RandomSource:
    """Random draws for a batch that several processes share.

    Each process draws the numbers for the whole batch and keeps its own rows. So these numbers do not depend on the
    number of processes. The state can be stored and restored.
    """

    def __init__(self, *seed: object, device: torch.device | str = "cpu", rank: int = 0, world: int = 1) -> None:
        self.device = torch.device(device)
        self.rank, self.world = rank, world
        self._generator = generator(*seed, device=self.device)

    def share(self, n: int) -> int:
        """Return how many of n samples this process draws: an equal share, at least one."""
        return max(1, n // self.world)

    def _rows_of_rank(self, drawn: Tensor, n: int) -> Tensor:
        """Return this process's n rows of those drawn for all processes."""
        return drawn if self.world == 1 else drawn[self.rank * n : (self.rank + 1) * n]

    def normal(self, n: int, *shape: int) -> Tensor:
        """Draw standard normal numbers, float32 of shape (n, *shape)."""
        return self._rows_of_rank(torch.randn(n * self.world, *shape, generator=self._generator, device=self.device), n)

    def uniform(self, n: int, *shape: int) -> Tensor:
        """Draw uniform numbers in [0, 1), float32 of shape (n, *shape)."""
        return self._rows_of_rank(torch.rand(n * self.world, *shape, generator=self._generator, device=self.device), n)

    def choice(self, values: Tensor, n: int) -> Tensor:
        """Draw n of ``values``, uniformly and with replacement, shape (n,)."""
        drawn = torch.randint(len(values), (n * self.world,), generator=self._generator, device=self.device)
        return values[self._rows_of_rank(drawn, n)]

    def state(self) -> Tensor:
        return self._generator.get_state()

    def fits(self, state: Tensor) -> bool:
        """Return whether a state is of this kind of device: those of CPUs and GPUs differ in size."""
        return len(state) == len(self.state())

    def restore(self, state: Tensor, *seed: object) -> None:
        """Go on from a state. If it is of another kind of device, begin anew from ``seed`` instead."""
        if self.fits(state):
            self._generator.set_state(state)
        else:
            self._generator.manual_seed(derive_seed(*seed))
