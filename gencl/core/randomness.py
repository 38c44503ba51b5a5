"""Random numbers that depend on a name and a seed, never on what else was drawn or on the number of processes."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.utils.deterministic
from torch import Tensor


def derive_seed(*parts: object) -> int:
    """A 63-bit seed from any printable parts: equal parts, equal seed, on every machine."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*parts: object, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of its own, seeded by `derive_seed`."""
    return torch.Generator(device).manual_seed(derive_seed(*parts))


def permutation(n: int, *parts: object) -> Tensor:
    """A permutation of range(n) that depends on ``parts`` alone."""
    return torch.randperm(n, generator=generator(*parts))


_GLOBAL = threading.RLock()
"""Held while torch's global generator is seeded: Python's other threads may initialise layers, too."""


@contextmanager
def seeded(*parts: object) -> Iterator[None]:
    """Seeds torch's global generator of the CPU inside the block, and restores it afterwards: layers draw from it."""
    with _GLOBAL, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive_seed(*parts))  # torch.manual_seed would seed GPUs, too
        yield


_FILL = "fill_uninitialized_memory"


@contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """On the CPU, lets torch use only algorithms that give the same bits each time; as before afterwards.

    With more than one thread some (the backward pass of indexing, for one) add up in the order in which threads arrive.
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
    """Draws for a batch that several processes share.

    Every process draws the numbers of the whole batch and keeps its own rows, so that one process and many see the
    same batch. Its state can be stored and restored.
    """

    def __init__(self, *seed: object, device: torch.device | str = "cpu", rank: int = 0, world: int = 1) -> None:
        self.device = torch.device(device)
        self.rank, self.world = rank, world
        self._generator = generator(*seed, device=self.device)

    def share(self, n: int) -> int:
        """How many of n samples over all processes this one draws: at least one."""
        return max(1, n // self.world)

    def _rows_of_rank(self, drawn: Tensor, n: int) -> Tensor:
        """Return this process's n rows of those drawn for all processes."""
        return drawn if self.world == 1 else drawn[self.rank * n : (self.rank + 1) * n]

    def normal(self, n: int, *shape: int) -> Tensor:
        """Standard normal numbers, float32 of shape (n, *shape)."""
        return self._rows_of_rank(torch.randn(n * self.world, *shape, generator=self._generator, device=self.device), n)

    def uniform(self, n: int, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1), float32 of shape (n, *shape)."""
        return self._rows_of_rank(torch.rand(n * self.world, *shape, generator=self._generator, device=self.device), n)

    def choice(self, values: Tensor, n: int) -> Tensor:
        """n of ``values``, uniformly and with replacement, shape (n,)."""
        drawn = torch.randint(len(values), (n * self.world,), generator=self._generator, device=self.device)
        return values[self._rows_of_rank(drawn, n)]

    def state(self) -> Tensor:
        return self._generator.get_state()

    def restore(self, state: Tensor) -> None:
        self._generator.set_state(state)
