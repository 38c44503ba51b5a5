"""How long a run takes and how much memory, said as soon as its first steps have shown it."""

from __future__ import annotations

import time

from gencl.core.amounts import duration, memory
from gencl.core.progress import Reporter
from gencl.methods.base import Context
from gencl.runs.state import peak_memory
from gencl.training.observers import Moment, Observer
from gencl.training.session import Session
from gencl.training.stopwatch import now

PATIENCE_SECONDS = 2.0
"""Steps are timed for so long, or until the first task ends."""


class Forecast(Observer):
    """Times the first steps, and says what is to be expected of all that are left.

    The very first step does not count: it makes what later ones find (an optimiser's state, compiled networks).
    """

    def __init__(self, session: Session, reporter: Reporter) -> None:
        super().__init__(session)
        self._reporter, self._done = reporter, session.state.cost.steps
        self._begun: tuple[float, int] | None = None
        """When timing began, and after how many steps of the run."""

    def after_step(self, moment: Moment) -> None:
        if self.session.estimate is not None or not self.session.processes.main:
            return
        steps, ends = self.session.state.cost.steps, self.session.state.step == moment.ctx.steps
        if self._begun is None:
            self._begun = now(self.session.device), steps
            return
        start, before = self._begun
        if ends or time.perf_counter() - start > PATIENCE_SECONDS:
            self._foresee((now(self.session.device) - start) / (steps - before))

    def after_task(self, ctx: Context) -> None:
        self._begun = None  # what came in between was no step

    def _foresee(self, pace: float) -> None:
        """Says what follows from so many seconds per step."""
        session = self.session
        left = sum(map(session.steps_of, session.episodes)) - self._done
        peak = max(session.expected_bytes, peak_memory(session.device))
        session.estimate = {"seconds": round(pace * left, 1), "steps": left, "memory_bytes": peak}
        steps = f"{left:,} steps{' that are left' if self._done else ''}"
        self._reporter.say(f"about {duration(pace * left)} for {steps}, besides measuring; {memory(peak)} of memory")
