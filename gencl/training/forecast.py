"""Estimates a run's time and memory from its first steps, and prints the estimate."""

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
"""How long steps are timed, unless the task ends before."""

CLEARLY, WORTH_SECONDS = 1.25, 10.0
"""A second estimate is printed if the time per step changed by this factor and at least so many seconds are left."""


class Forecast(Observer):
    """Times the first steps of a run, and prints an estimate for all steps that are left.

    The very first step is not timed, because it sets up optimiser states and compiled networks. Many methods do more
    per step once a task has been learned. So the first steps of the next task are timed too, and a second estimate is
    printed if it differs clearly. What measuring takes is estimated after the second task.
    """

    def __init__(self, session: Session, reporter: Reporter) -> None:
        super().__init__(session)
        self._reporter, self._done = reporter, session.state.cost.steps
        self._begun: tuple[float, int] | None = None
        """When timing began, and how many steps the run had taken by then."""
        self._paces: list[float] = []
        """Seconds per step in the first task, and in the next."""
        self._timed = False

    def after_step(self, moment: Moment) -> None:
        if self._timed or len(self._paces) == 2 or not self.session.processes.main:
            return
        steps, ends = self.session.state.cost.steps, self.session.state.step == moment.ctx.steps
        if self._begun is None:
            self._begun = now(self.session.device), steps
            return
        start, before = self._begun
        if ends or time.perf_counter() - start > PATIENCE_SECONDS:
            self._timed = True
            self._paces.append((now(self.session.device) - start) / (steps - before))
            self._foresee()

    def after_task(self, ctx: Context) -> None:
        self._begun, self._timed = None, False  # do not time what happens between tasks
        if self.session.processes.main:
            self._foresee_measuring()

    def _foresee(self) -> None:
        """Print the estimate that follows from the latest pace; the second time only if it differs clearly."""
        session, first, last = self.session, self._paces[0], self._paces[-1]
        total, corrects = sum(map(session.steps_of, session.episodes)), len(self._paces) == 2
        done = session.state.cost.steps if corrects else self._done
        left = total - done
        if corrects and (last * left < WORTH_SECONDS or max(first, last) < CLEARLY * min(first, last)):
            return
        peak = max(session.expected_bytes, peak_memory(session.device))
        seconds = first * (done - self._done) + last * left
        session.estimate = {"seconds": round(seconds, 1), "steps": total - self._done, "memory_bytes": peak}
        takes = f"about {duration(last * left)} for {left:,} steps{' that are left' if done else ''}"
        more = "longer" if last > first else "less time"
        why = f"a step takes {more} than in the first task" if corrects else f"{memory(peak)} of memory"
        self._reporter.say(f"{takes}, besides measuring; {why}")

    def _foresee_measuring(self) -> None:
        """After the second task, print how long measuring after those that are left takes, if that is long."""
        tasks = self.session.state.cost.by_task
        if len(tasks) != 2:
            return
        first, second = (task["eval_seconds"] for task in tasks)
        growth = max(0.0, second - first)  # after each task, all tasks so far are measured
        left = len(self.session.episodes) - len(tasks)
        seconds = sum(second + growth * (1 + number) for number in range(left))
        if seconds >= WORTH_SECONDS:
            self._reporter.say(f"measuring takes about {duration(seconds)} more; less with fewer evaluate.samples")
