"""The number of CPU threads of a run: chosen once, and kept when it is resumed, since its bits depend on it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import torch

from gencl.core import threads
from gencl.core.errors import GenclError
from gencl.runs.folder import RunFolder
from gencl.training.session import Session


def settle(sessions: Sequence[Session], wanted: int | None, world: int) -> str | None:
    """Sets PyTorch's number of threads for runs that take their steps together, and records it in their states.

    Args:
        sessions: fresh ones, or one that was restored from a checkpoint.
        wanted: what the user asks for. None: as many as a resumed run had, and for a fresh one what suits its network.
        world: the processes that share a step.

    Returns what to tell the user, if anything.
    """
    first = sessions[0]
    had = _of_run(first) if first.state.cost.steps else None
    chosen = wanted or had or _suited(sessions, world)
    torch.set_num_threads(chosen)
    for session in sessions:
        session.state.threads = chosen
    if had is None or first.device.type != "cpu":
        return None
    if chosen != had:
        return f"so far with --threads {had}, from here on with {chosen}: it rounds otherwise than without a stop"
    if wanted is None and chosen > (cores := threads.allowed_cores()):
        return f"goes on with the run's {chosen} threads on {cores} cores; --threads N changes that"
    return None


def _suited(sessions: Sequence[Session], world: int) -> int:
    first = sessions[0]
    if first.device.type != "cpu":
        return torch.get_num_threads()
    samples = first.settings.train.batch_size * len(sessions) // world
    return threads.choose(threads.multiplications(first.learner, first.scenario.image_shape, samples))


def _of_run(session: Session) -> int:
    """As the checkpoint says. An older gencl's does not: then as metrics.json says, or PyTorch's own number, which was
    the default."""
    if session.state.threads:
        return session.state.threads
    with suppress(GenclError):
        threads = RunFolder(session.recorder.folder).metrics["environment"].get("threads")
        if isinstance(threads, int) and threads > 0:
            return threads
    return torch.get_num_threads()
