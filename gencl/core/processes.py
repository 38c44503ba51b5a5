"""Communication between the processes that train together, based on Accelerate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # torch takes seconds to import
    import torch
    from accelerate import Accelerator
    from torch import Tensor


PATIENCE = 20
"""On a GPU, `Processes.average_gradients` reads the flags once in this many calls, since reading waits for the GPU."""


class Processes:
    """A single process, or the group of processes that Accelerate started.

    Gradients are averaged here and not by DistributedDataParallel for two reasons. A learner grows and its phases train
    different parameters. A loss computed without the wrapper's forward would silently skip the averaging.
    """

    def __init__(self, accelerator: Accelerator | None = None) -> None:
        self._accelerator = accelerator
        self.rank = accelerator.process_index if accelerator else 0
        self.world = accelerator.num_processes if accelerator else 1
        self._patience = PATIENCE if accelerator and accelerator.device.type != "cpu" else 1
        self._raised: list[Tensor] = []
        """The number of flags raised in each call since they were last read."""

    @property
    def main(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait until all processes have called this method."""
        if self._accelerator is not None and self.world > 1:
            self._accelerator.wait_for_everyone()

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """Let the main process run the block before the others, for example to download a file that all then read."""
        if not self.main:
            self.wait()
        yield
        if self.main:
            self.wait()

    def sum(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return the sum of each tensor over all processes, in one all-reduce. All processes get the same result."""
        if self._accelerator is None or self.world == 1:
            return list(tensors)
        import torch

        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        summed = self._accelerator.reduce(flat, reduction="sum")
        parts = summed.split([tensor.numel() for tensor in tensors])
        return [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]

    def gather(self, rows: Tensor) -> Tensor:
        """Return the rows of all processes, in the order of their ranks. The result is the same on each process."""
        if self._accelerator is None or self.world == 1:
            return rows
        gathered: Tensor = self._accelerator.gather(rows)
        return gathered

    def divided(self, make: Callable[..., Tensor], *arguments: Tensor) -> Tensor:
        """Return ``make(*arguments)``, which maps rows to rows; each process makes its share of them.

        The arguments must be the same on each process, and so is the result.
        """
        if self.world == 1:
            return make(*arguments)
        rows = len(arguments[0])
        share = -(-rows // self.world)
        mine = [argument.roll(-self.rank * share, 0)[:share] for argument in arguments]
        return self.gather(make(*mine))[:rows]  # all shares are equal, so the last may have begun again with row 0

    def any(self, flag: bool, device: torch.device) -> bool:
        """Return whether any process raised its flag. The result is the same on each process."""
        import torch

        (raised,) = self.sum([torch.tensor([float(flag)], device=device)])
        return bool(raised.item() > 0)

    def average_gradients(self, parameters: Sequence[Tensor], flag: bool) -> bool:
        """Replace gradients by their mean over processes, and return whether any process raised its ``flag``.

        All processes get the same answer in the same step. On a GPU it may be up to `PATIENCE` calls late, because
        reading a flag waits for all queued work.
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
        """Replace tensors, in place, by their mean over processes."""
        if self.world > 1 and tensors:
            for tensor, value in zip(tensors, self.sum(tensors), strict=True):
                tensor.copy_(value / self.world)

    def take_main(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors, in place, by those of the main process."""
        if self.world > 1 and tensors:
            contributions = [tensor if self.main else tensor.new_zeros(tensor.shape) for tensor in tensors]
            for tensor, value in zip(tensors, self.sum(contributions), strict=True):
                tensor.copy_(value)
