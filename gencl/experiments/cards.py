"""Distribute the GPUs of this machine over runs that train at the same time."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""The environment variable with the GPUs that CUDA shows to a process. A run uses the first of them."""


def cards_here(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the names of the GPUs that this process sees, in the notation of `VISIBLE`."""
    named = [name.strip() for name in environment.get(VISIBLE, "").split(",") if name.strip()]
    return named or [str(number) for number in range(torch.cuda.device_count())]


class Cards:
    """Assigns each run to the GPU with the fewest runs."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)
        self._runs: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[dict[str, str]]:
        """Reserve a GPU for the block and yield the environment variables that select it.

        Yields an empty mapping if there are fewer than two GPUs.
        """
        if len(self._names) < 2:
            yield {}
            return
        with self._lock:
            name = min(self._names, key=lambda name: self._runs[name])
            self._runs[name] += 1
        try:
            yield {VISIBLE: name}
        finally:
            with self._lock:
                self._runs[name] -= 1
