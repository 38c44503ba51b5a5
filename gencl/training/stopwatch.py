"""The time and the passes that a run spends on each purpose."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import torch

from gencl.core.processes import Processes
from gencl.learners.passes import Passes
from gencl.runs.state import Cost


def now(device: torch.device) -> float:
    """Return a time in seconds, once the device has done all that it was asked: a GPU's steps are queued."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


class Stopwatch:
    """Adds to a run's cost what is spent within blocks.

    Args:
        cost: gives the cost so far, which a restored checkpoint replaces.
        passes: of the learner; those that measuring makes are not counted.
        processes: each of them makes as many.
    """

    clock: Callable[[], float] = staticmethod(time.perf_counter)  # benchmarks beside other work count CPU time

    def __init__(self, cost: Callable[[], Cost], passes: Passes, processes: Processes) -> None:
        self._cost, self._passes, self._world = cost, passes, processes.world
        self._running: tuple[str, float] | None = None

    @contextmanager
    def timed(self, purpose: str) -> Iterator[None]:
        """Adds the seconds that the block takes to a purpose's, such as ``train_seconds``.

        A block within another interrupts it: no second counts twice.
        """
        self.count()
        outer, self._running = self._running, (purpose, self.clock())
        try:
            with nullcontext() if purpose == "eval_seconds" else self._passes.counting():
                yield
        finally:
            self.count()
            self._running = (outer[0], self.clock()) if outer else None

    def count(self) -> None:
        """Adds what was spent up to here, so that a checkpoint within a block has it."""
        if self._running is not None:
            (purpose, since), now = self._running, self.clock()
            self._cost().add(purpose, now - since)
            passes = self._passes.take()
            if purpose != "eval_seconds":
                self._cost().add_passes(*(self._world * n for n in passes))
            self._running = purpose, now
