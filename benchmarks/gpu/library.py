"""A step of gencl's own loop in the second task, where methods act, and how often it waits for the device."""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch

from benchmarks.gpu.measuring import Bench
from benchmarks.gpu.subjects import Subject
from benchmarks.gpu.variants import COMPILED, FLOAT32, numbers
from benchmarks.runs import fresh
from gencl.methods.base import Context
from gencl.training.acceleration import Acceleration
from gencl.training.session import Session
from gencl.training.steps import Steps
from gencl.training.trainer import steps_of

_COUNTED = 16
"""Steps in which waits are counted: two of a GAN's with R1 are among them."""


def measure_methods(bench: Bench, name: str, subject: Subject) -> None:
    """Adds rows of steps per second, and of waits per step, for each method."""
    for method in subject.methods():
        how = f"gencl, {method}"
        bench.row("step", name, how, "steps/s", partial(_pace, bench, subject, method), FLOAT32)
        bench.row("waits of the host", name, how, "per step", partial(_waits, bench, subject, method))


def measure_option(bench: Bench, name: str, subject: Subject, option: str, methods: Sequence[str] = ("sgd",)) -> None:
    """Adds a row of steps per second with a setting for each method."""
    base = COMPILED if "compile" in option else FLOAT32
    for method in methods:
        work = partial(_pace, bench, subject, method, option)
        bench.row("step", name, f"gencl, {method}, {option}", "steps/s", work, base)


def _pace(bench: Bench, subject: Subject, method: str, *sets: str) -> float:
    if any("compile" in setting for setting in sets):
        bench.compiler()
    with numbers(), stepping(bench.device, subject, method, *sets) as step:  # as the bare loop's
        return bench.pace(step)


def _waits(bench: Bench, subject: Subject, method: str) -> float:
    bench.card()
    with stepping(bench.device, subject, method) as step:
        for _ in range(3):
            step()
        places = waits(partial(_several, step))
    for place, times in places.most_common(3):
        print(f"  waits at {place}: {times}", file=sys.stderr, flush=True)
    return sum(places.values()) / _COUNTED


def _several(step: Callable[[], None]) -> None:
    for _ in range(_COUNTED):
        step()


def waits(work: Callable[[], None]) -> Counter[str]:
    """How often the host waited for the device, by file and line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            work()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    told = [warning for warning in caught if "synchroniz" in str(warning.message)]
    return Counter(f"{Path(warning.filename).name}:{warning.lineno}" for warning in told)


@contextmanager
def stepping(device: str, subject: Subject, method: str, *sets: str) -> Iterator[Callable[[], None]]:
    """What takes a step of the last stage of the second task of three: importance, masks and teachers are there."""
    settings, scenario = subject.settings(method, *sets), subject.scenario(device, tasks=3)
    with tempfile.TemporaryDirectory() as folder:
        trainer = fresh(settings, scenario, Path(folder), time.perf_counter, evaluate=False, device=device)
        session, acceleration = trainer.session, Acceleration(trainer.session.learner)
        ctx = _entered(session, acceleration, 0)
        session.leave_stage()
        session.conclude(ctx)
        ctx = _entered(session, acceleration, 1)
        steps = steps_of(session, acceleration)
        try:
            yield lambda: _step(session, steps, ctx)
        finally:
            session.recorder.close()


def _entered(session: Session, acceleration: Acceleration, episode: int) -> Context:
    """The context of a task that is in its last stage, with a step taken in each one."""
    ctx = session.context(session.episodes[episode])
    session.begin(ctx)
    session.open_source(ctx)
    stages = session.stages(ctx)
    for number, (stage, end) in enumerate(stages):
        session.enter(ctx, number, stage)
        _step(session, steps_of(session, acceleration), ctx)
        if number < len(stages) - 1:
            session.leave_stage()
            session.state.step = end
    return ctx


def _step(session: Session, steps: Steps, ctx: Context) -> None:
    rate = session.rate(ctx)
    steps.take(ctx, session.batch(ctx), rate, False)
    session.state.step += 1
