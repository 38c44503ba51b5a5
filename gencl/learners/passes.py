"""Count the samples that go through a learner's networks: a cost that does not depend on the machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Passes:
    """Forward passes of samples through the networks, and how many of them had gradients enabled (backward passes).

    A forward hook on each of `Learner.networks` counts them. One sample through one network is one pass; a GAN step
    sends each image of a batch through two networks. Copies of a network, such as a teacher, count as well. If a
    gradient is differentiated again (R1), the sample counts once.
    """

    def __init__(self) -> None:
        self.forward = self.backward = 0
        self._counting = False
        self._each = 1

    def __deepcopy__(self, memo: object) -> Passes:
        return self

    def watch(self, networks: Sequence[nn.Module]) -> None:
        """Start counting the passes of these networks."""
        for network in networks:
            network.register_forward_hook(self._count)

    def _count(self, network: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if self._counting:
            samples = self._each * len(inputs[0])
            self.forward += samples
            self.backward += samples * torch.is_grad_enabled()  # vmap hides output.requires_grad

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count passes within the block. Passes outside of such blocks, such as those of metrics, do not count."""
        before, self._counting = self._counting, True
        try:
            yield
        finally:
            self._counting = before

    @contextmanager
    def of_each(self, samples: int) -> Iterator[None]:
        """Count each sample within the block this often: under ``torch.func.vmap`` a network sees one of several."""
        before, self._each = self._each, samples
        try:
            yield
        finally:
            self._each = before

    def take(self) -> tuple[int, int]:
        """Return the forward and backward passes since the last call, and reset both counts."""
        counts = self.forward, self.backward
        self.forward = self.backward = 0
        return counts
