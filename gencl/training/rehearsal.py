"""Estimates the time of a run by trying a few steps of its next tasks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from gencl.core.randomness import deterministic
from gencl.methods.base import Context
from gencl.training.acceleration import Acceleration
from gencl.training.session import Session
from gencl.training.stopwatch import now
from gencl.training.trainer import steps_of

TASKS = 2
"""How many tasks are tried. Methods act from the second one on."""
STAGE_SECONDS = 1.0
"""How long the steps of a stage are timed, without the first one. At least one is timed."""


@dataclass(frozen=True)
class Times:
    """The estimated seconds that the rest of a run takes, by purpose, and its steps."""

    train: float
    importance: float
    measuring: float
    steps: int

    @property
    def total(self) -> float:
        return self.train + self.importance + self.measuring


@dataclass(frozen=True)
class _Tried:
    """The measured cost of a task: seconds per step, seconds of importance, and seconds of measuring before it is
    learned."""

    pace: float
    importance: float
    ahead: float


def rehearse(session: Session) -> Times:
    """Try the next tasks of a session, and return the estimated time of everything it has left to do.

    Writes nothing. The session cannot be used afterwards. All processes must take part.
    """
    done, steps = session.state.episode, _steps_left(session)
    if not steps:
        return Times(0.0, 0.0, 0.0, 0)
    acceleration, tried = Acceleration(session.learner), list[_Tried]()
    with deterministic(session.device):
        while len(tried) < min(TASKS, len(steps)):
            tried.append(_try_task(session, acceleration))
        each, ends = _time_measuring(session)
    each_task = [tried[min(number, len(tried) - 1)] for number in range(len(steps))]
    learned = [1 + task.index for task in session.episodes[done:]]  # the number of tasks measured after each
    return Times(
        train=sum(task.pace * n for task, n in zip(each_task, steps, strict=True)),
        importance=over_tasks([task.importance for task in tried], len(steps)),
        measuring=sum(task.ahead for task in each_task) + each * sum(learned) + ends * len(session.scenario.tasks),
        steps=sum(steps),
    )


def over_tasks(tried: Sequence[float], tasks: int) -> float:
    """Return the seconds that something takes over all tasks, from those of the first one or two.

    If the second task took more than twice as long as the first, the seconds grow by the difference with every task, as
    those of a pool of images of every past class do. Smaller differences are noise.
    """
    growth = tried[-1] - tried[0] if tried[-1] > 2 * tried[0] else 0.0
    return sum(tried[min(n, len(tried) - 1)] + max(0, n - 1) * growth for n in range(tasks))


def _steps_left(session: Session) -> list[int]:
    """Return the number of steps of each remaining task; for a task that has begun, only those left."""
    steps = [session.steps_of(task) for task in session.episodes[session.state.episode :]]
    return [steps[0] - session.state.step, *steps[1:]] if steps else []


def _try_task(session: Session, acceleration: Acceleration) -> _Tried:
    """Take the first steps of each stage of the next task, conclude it, and return its cost."""
    state, cost = session.state, session.state.cost
    importance, ahead = cost.importance_seconds, cost.eval_seconds
    ctx = session.context(session.episodes[state.episode])
    resumed, left, seconds = state.within_task, 0, 0.0
    if not resumed:
        session.begin(ctx)
    session.open_source(ctx, resumed)
    for number, (stage, end) in enumerate(session.stages(ctx)):
        if number >= state.stage:
            session.enter(ctx, number, stage, resumed)
            resumed, steps = False, end - state.step
            seconds += steps * _pace(session, acceleration, ctx, end) if steps else 0.0
            left, state.step = left + steps, end
            session.leave_stage()
    session.conclude(ctx)
    return _Tried(seconds / left, cost.importance_seconds - importance, cost.eval_seconds - ahead)


def _pace(session: Session, acceleration: Acceleration, ctx: Context, end: int) -> float:
    """Return the seconds per step of the stage that was just entered."""
    steps, taken, over = steps_of(session, acceleration), 0, False
    first = start = now(session.device)
    while session.state.step < end and not over:
        rate = session.rate(ctx)
        late = taken > 1 and time.perf_counter() - start > STAGE_SECONDS
        over = steps.take(ctx, session.batch(ctx), rate, late)  # all processes agree
        session.state.step += 1
        taken += 1
        if taken == 1:
            start = now(session.device)
    return (now(session.device) - start) / (taken - 1) if taken > 1 else start - first


def _time_measuring(session: Session) -> tuple[float, float]:
    """Return the seconds per task of measuring after a task, and of the evaluation at the end."""
    learned = session.episodes[session.state.episode - 1].index + 1
    tasks = session.scenario.tasks[max(0, learned - TASKS) : learned]
    start = now(session.device)
    snapshot = session.evaluator.snapshot(tasks, final=True)
    session.evaluator.measure(snapshot)
    middle = now(session.device)
    session.evaluator.evaluation(snapshot)
    return (middle - start) / len(tasks), (now(session.device) - middle) / len(tasks)
