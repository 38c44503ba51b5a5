"""Which GPU each of several runs at a time gets."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""By it CUDA says which cards a process sees; the first of them is the one that a run takes."""


def cards_here(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The names of the cards that this process sees, as `VISIBLE` has them."""
    named = [name.strip() for name in environment.get(VISIBLE, "").split(",") if name.strip()]
    return named or [str(number) for number in range(torch.cuda.device_count())]


class Cards:
    """Gives each run the card on which the fewest run."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)
        self._runs: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[dict[str, str]]:
        """The variables by which a process sees the card it has within the block; none where there is no choice."""
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
