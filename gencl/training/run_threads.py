"""The number of CPU threads of a run. A resumed run keeps it, because results depend on it to the bit."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from gencl.core import threads
from gencl.training.session import Session


def settle(sessions: Sequence[Session], wanted: int | None, world: int) -> str | None:
    """Set PyTorch's number of threads for runs that are trained together, and record it in their states.

    Args:
        sessions: fresh sessions, or one that was restored from a checkpoint.
        wanted: the number that the user asks for. None: a resumed run keeps its number, and a fresh one gets a number
            that suits its network.
        world: the number of processes that share a step.

    Returns a message for the user, or None.
    """
    first = sessions[0]
    had = first.state.threads if first.state.cost.steps else None
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
