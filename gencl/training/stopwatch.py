"""Measures the time that a run spends on each purpose, and counts its passes through networks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import torch

from gencl.core.processes import Processes
from gencl.learners.passes import Passes
from gencl.runs.state import Cost


def now(device: torch.device) -> float:
    """Return the time in seconds, after the device has finished its queued work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


class Stopwatch:
    """Adds the time and the passes of blocks to a run's cost. CPU time and passes of measuring are not counted.

    Args:
        cost: returns the cost so far; restoring a checkpoint replaces it.
        passes: the learner's counter.
        processes: each of them makes as many passes.
    """

    clock: Callable[[], float] = staticmethod(time.perf_counter)  # benchmarks on a busy machine count CPU time
    cpu: Callable[[], float] = staticmethod(time.process_time)

    def __init__(self, cost: Callable[[], Cost], passes: Passes, processes: Processes) -> None:
        self._cost, self._passes, self._world = cost, passes, processes.world
        self._running: tuple[str, float, float] | None = None

    @contextmanager
    def timed(self, purpose: str) -> Iterator[None]:
        """Add the seconds that the block takes to a purpose, such as ``train_seconds``.

        An inner block interrupts the outer one, so that no second counts twice.
        """
        self.count()
        outer, self._running = self._running, (purpose, self.clock(), self.cpu())
        try:
            with nullcontext() if purpose == "eval_seconds" else self._passes.counting():
                yield
        finally:
            self.count()
            self._running = (outer[0], self.clock(), self.cpu()) if outer else None

    def count(self) -> None:
        """Add the time and passes up to now, so that a checkpoint within a block includes them."""
        if self._running is not None:
            (purpose, since, used), now, cpu = self._running, self.clock(), self.cpu()
            self._cost().add(purpose, now - since)
            passes = self._passes.take()
            if purpose != "eval_seconds":
                self._cost().add("cpu_seconds", cpu - used)
                self._cost().add_passes(*(self._world * n for n in passes))
            self._running = purpose, now, cpu
