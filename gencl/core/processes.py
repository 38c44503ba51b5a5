"""The processes that train together, on top of Accelerate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # torch takes seconds to import
    import torch
    from accelerate import Accelerator
    from torch import Tensor


PATIENCE = 20
"""Calls of `Processes.average_gradients` between two looks at the flags, where looking waits for a GPU."""


class Processes:
    """One process, or those that Accelerate was started with.

    Gradients are averaged here and not by DistributedDataParallel: a learner grows, its phases move parts of it, and a
    loss that is called past the wrapper's forward would silently skip the averaging.
    """

    def __init__(self, accelerator: Accelerator | None = None) -> None:
        self._accelerator = accelerator
        self.rank = accelerator.process_index if accelerator else 0
        self.world = accelerator.num_processes if accelerator else 1
        self._patience = PATIENCE if accelerator and accelerator.device.type != "cpu" else 1
        self._raised: list[Tensor] = []
        """How many flags were raised in each call since they were read last."""

    @property
    def main(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    def wait(self) -> None:
        """Returns when all processes are here."""
        if self._accelerator is not None and self.world > 1:
            self._accelerator.wait_for_everyone()

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """The main process goes through the block before the others (it fetches what is absent, they read it)."""
        if not self.main:
            self.wait()
        yield
        if self.main:
            self.wait()

    def sum(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The sums over all processes, the same on each; one message for all tensors."""
        if self._accelerator is None or self.world == 1:
            return list(tensors)
        import torch

        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        summed = self._accelerator.reduce(flat, reduction="sum")
        parts = summed.split([tensor.numel() for tensor in tensors])
        return [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]

    def gather(self, rows: Tensor) -> Tensor:
        """The rows of all processes in the order of their ranks, the same on each."""
        if self._accelerator is None or self.world == 1:
            return rows
        gathered: Tensor = self._accelerator.gather(rows)
        return gathered

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether any process raised its flag, the same answer on each."""
        import torch

        (raised,) = self.sum([torch.tensor([float(flag)], device=device)])
        return bool(raised.item() > 0)

    def average_gradients(self, parameters: Sequence[Tensor], flag: bool) -> bool:
        """Replaces gradients by their mean over processes; returns whether any process raised its ``flag``.

        All processes get the same answer in the same step. On a GPU they get it up to `PATIENCE` calls late: whoever
        reads a flag waits for all queued work.
        """
        if self.world == 1:
            return flag
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        mark = gradients[0].new_full((1,), float(flag))
        *sums, flags = self.sum([*gradients, mark])
        for gradient, value in zip(gradients, sums, strict=True):
            gradient.copy_(value / self.world)
        self._raised.append(flags)
        if len(self._raised) < self._patience:
            return False
        raised, self._raised = self._raised, []
        return bool(sum(raised[1:], raised[0]).item() > 0)

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replaces tensors by their mean over processes."""
        if self.world > 1 and tensors:
            for tensor, value in zip(tensors, self.sum(tensors), strict=True):
                tensor.copy_(value / self.world)

    def take_main(self, tensors: Sequence[Tensor]) -> None:
        """Replaces tensors by those of the main process."""
        if self.world > 1 and tensors:
            contributions = [tensor if self.main else tensor.new_zeros(tensor.shape) for tensor in tensors]
            for tensor, value in zip(tensors, self.sum(contributions), strict=True):
                tensor.copy_(value)
