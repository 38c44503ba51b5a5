"""A measurement within its time: its value, the memory that it took, or in one line why there is none."""

from __future__ import annotations

import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from benchmarks.gpu.table import Row, Table
from gencl.training.stopwatch import now

NEEDS_A_CARD = "needs a card"
_WARM = 3
"""Steps before the clock starts; as many again where a graph or a compiler needs them."""


class NeedsCard(Exception):
    """This can be measured on a GPU alone."""


class Late(BaseException):
    """A measurement took too long. Nobody who catches errors, such as a compiler, may catch it."""


@dataclass
class Bench:
    """Where, and for how long, things are measured.

    Args:
        seconds: that one measurement's clock runs.
        limit: seconds after which one is given up.
        budget: seconds of all.
        reserve: seconds of the budget that are kept for what comes last.
    """

    device: str
    quick: bool
    seconds: float
    limit: float
    budget: float
    table: Table
    reserve: float = 0.0
    start: float = field(default_factory=time.perf_counter)

    @property
    def place(self) -> torch.device:
        return torch.device(self.device)

    @property
    def left(self) -> float:
        """Seconds that are left of the budget."""
        return self.budget - self.reserve - (time.perf_counter() - self.start)

    def card(self) -> None:
        """Raises NeedsCard on a CPU."""
        if self.place.type != "cuda":
            raise NeedsCard

    def compiler(self) -> None:
        """Raises NeedsCard on a CPU, where compiling takes minutes; else forgets what was compiled before, which counts
        towards the limit of versions that one function may have."""
        self.card()
        torch.compiler.reset()

    def pace(self, step: Callable[[], object]) -> float:
        """How often per second a step can be taken."""
        for _ in range(_WARM):
            step()
        begun, taken = now(self.place), 0
        while not taken or time.perf_counter() - begun < self.seconds:
            step()
            taken += 1
        return taken / (now(self.place) - begun)

    def row(
        self,
        measured: str,
        of: str,
        how: str,
        unit: str,
        work: Callable[[], float],
        base: str | None = None,
        note: str = "",
    ) -> None:
        """Measures, and adds a row; ``base`` is how the row was measured that the share is of.

        A network that gencl could not compile, and used as it is, is noted.
        """
        value, peak = None, None
        cuda = self.place.type == "cuda"
        try:
            if self.left <= 0:
                raise Late("the time was up before")
            if cuda:
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()
            with _limited(min(self.limit, self.left)), warnings.catch_warnings(record=True) as warned:
                value = work()
            note = next((_line(w.message) for w in warned if "is not compiled" in str(w.message)), note)
            peak = torch.cuda.max_memory_allocated() if cuda else None
        except NeedsCard:
            note = NEEDS_A_CARD
        except Late as late:
            note = str(late)
        except Exception as error:  # of any kind: one failed measurement must not end the others
            note = f"{type(error).__name__}: {_line(error)}"
        before = None if base is None else self.table.value(measured, of, base)
        share = value / before if value is not None and before else None
        note = note or (f"share of {base}" if share else "")
        row = Row(measured, of, how, value, unit, share, peak, note)
        self.table.add(row)
        print(" ".join(cell for cell in row.cells() if cell), file=sys.stderr, flush=True)


def _line(message: object) -> str:
    """The first line that says something."""
    return next((line.strip() for line in str(message).splitlines() if line.strip()), "")[:200]


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raises Late within the block after so many seconds, as soon as Python runs again."""

    def late(*_: object) -> None:
        raise Late(f"took more than {seconds:.2g} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
