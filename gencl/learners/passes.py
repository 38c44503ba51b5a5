"""Counts the samples that go through a learner's networks: what a method costs on any machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Passes:
    """Samples that went forward through each network, and those of them that went back: gradients were on.

    A forward hook of each of `Learner.networks`. One sample through one network is one pass: a step of a GAN sends each
    image of a batch through two. Copies of a network, such as a teacher, count here as well. Where a gradient is
    differentiated again (R1), the sample counts once.
    """

    def __init__(self) -> None:
        self.forward = self.backward = 0
        self._counting = False
        self._each = 1

    def __deepcopy__(self, memo: object) -> Passes:
        return self

    def watch(self, networks: Sequence[nn.Module]) -> None:
        """From here on these networks are counted."""
        for network in networks:
            network.register_forward_hook(self._count)

    def _count(self, network: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if self._counting:
            samples = self._each * len(inputs[0])
            self.forward += samples
            self.backward += samples * torch.is_grad_enabled()  # output.requires_grad is hidden under vmap

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Passes within the block count; what is measured outside does not."""
        before, self._counting = self._counting, True
        try:
            yield
        finally:
            self._counting = before

    @contextmanager
    def of_each(self, samples: int) -> Iterator[None]:
        """Within the block a sample stands for so many: a network under ``torch.func.vmap`` sees one of them."""
        before, self._each = self._each, samples
        try:
            yield
        finally:
            self._each = before

    def take(self) -> tuple[int, int]:
        """What was counted, forward and backward, since this was asked last."""
        counts = self.forward, self.backward
        self.forward = self.backward = 0
        return counts
