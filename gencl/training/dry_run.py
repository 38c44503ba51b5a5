"""Predicts a run without training it: settings, network sizes, time and memory (``gencl train --dry-run``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from gencl.core.free_memory import free_memory
from gencl.core.progress import Mode
from gencl.core.settings import Settings
from gencl.core.threads import alone
from gencl.core.waiting import say
from gencl.runs.build import grow, unread
from gencl.runs.sizes import network_sizes
from gencl.runs.state import memory_in_use, peak_memory
from gencl.training.announcing import say_what_is_learned
from gencl.training.folders import begins, choose
from gencl.training.rehearsal import rehearse
from gencl.training.train import prepare


def dry_run(
    preset: str | None = None,
    method: str | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    *,
    config: str | Path | None = None,
    set: Mapping[str, Any] | Sequence[str] = (),
    resume: bool = False,
    data_root: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    log_with: str | None = None,
    progress: Mode = "auto",
) -> dict[str, Any]:
    """Return ``settings``, ``networks`` and ``estimate`` of the run that `gencl.train` would make of these arguments.

    The Python form of ``gencl train --dry-run``. The result is empty if the run is already finished. The first steps of
    two tasks are taken, measured and thrown away. No run directory is made. The cache keeps what a run would keep
    there: data sets, decoded pictures and features of real images.

    Raises UsageError and GenclError where `gencl.train` would.
    """
    settings, folder = choose(preset, method, seed, out, config, set, resume)
    if not begins(settings, folder, resume, progress, log_with=log_with):
        return {}
    return foreseen(settings, folder, resume, data_root, device, threads, progress)


@alone()
@torch.random.fork_rng(devices=[])
def foreseen(
    settings: Settings,
    folder: Path,
    resume: bool = False,
    data_root: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    progress: Mode = "auto",
) -> dict[str, Any]:
    """Return what `dry_run` returns, for the given settings of a run in ``folder``."""
    session, checkpoint = prepare(settings, folder, resume, data_root, device, threads, progress)
    if session.processes.main:
        say_what_is_learned(settings, session.learner, session.scenario, progress, checkpoint)
    say("a few steps are tried and thrown away ...", progress)
    times = rehearse(session)
    for task in session.episodes[session.state.episode :]:
        grow(session.learner, task, settings.seed)
    sizes = network_sizes(session.learner)
    return {
        "settings": settings.tree(unread(settings)),
        "networks": {name: asdict(size) for name, size in sizes.items()},
        "estimate": {
            "seconds": round(times.total, 1),
            "train_seconds": round(times.train, 1),
            "importance_seconds": round(times.importance, 1),
            "eval_seconds": round(times.measuring, 1),
            "steps": times.steps,
            "memory_bytes": max(session.expected_bytes, peak_memory(session.device)),
            "free_memory_bytes": free_memory(session.device) + memory_in_use(session.device),
            "device": session.device.type,
            "threads": torch.get_num_threads(),
            "processes": session.processes.world,
        },
    }
