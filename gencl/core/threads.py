"""How many CPU threads PyTorch computes with, and how they wait for each other (docs/how-to/speed.md).

PyTorch starts a thread per core, and by default they spin while they wait for each other. Beside other work a step then
takes many times as long as with one thread (``python -m benchmarks.threads``).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `wait_asleep` must come before torch is imported
    from torch import nn

LARGE_STEP = 200_000_000
"""Multiplications of a step's forward pass (`multiplications`) from which on a run has several threads: they then
take hardly more CPU time than one, where those of most smaller networks take clearly more (benchmarks.threads)."""
_CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def wait_asleep(environment: MutableMapping[str, str]) -> None:
    """Makes the threads of a process with this environment sleep while they wait, unless the user chose otherwise.

    OpenMP reads it once, when PyTorch is imported. Results do not depend on it.
    """
    if not any(name in environment for name in _WAITING):
        environment["OMP_WAIT_POLICY"] = "PASSIVE"


def allowed_cores() -> int:
    """Return how many cores this process may use: its affinity, and a container's CPU quota (cgroup v2)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = map(int, _CPU_QUOTA.read_text(encoding="ascii").split())
        return max(1, min(cores, quota // period))
    except (OSError, ValueError, ZeroDivisionError):  # no such file, or "max": no quota
        return cores


def most_threads() -> int:
    """Return the most threads that are chosen unasked: PyTorch's present number (so $OMP_NUM_THREADS counts), and no
    more than the allowed cores."""
    import torch

    return min(torch.get_num_threads(), allowed_cores())


def multiplications(learner: nn.Module, image_shape: Sequence[int], samples: int) -> int:
    """Return roughly how many multiplications the forward pass of a step takes.

    Each weight multiplies once per sample, and a convolution's weight once per 16 pixels of an image (c, h, w):
    convolutions mostly work on feature maps of a half to an eighth of the image's sides.
    """
    *_, height, width = image_shape
    positions = max(1, height * width // 16)
    return samples * sum(p.numel() * (positions if p.ndim >= 4 else 1) for p in learner.parameters())


def choose(work: int) -> int:
    """Return the number of threads for steps of so many multiplications: one, or for large ones all that there are."""
    return most_threads() if work >= LARGE_STEP else 1


_ALONE = threading.RLock()


@contextmanager
def alone() -> Iterator[None]:
    """One thread of Python at a time runs such a block (or a function that this decorates); the others wait.

    PyTorch's number of threads and its choice of algorithms belong to the whole process, and the bits of a run depend
    on both. The number is afterwards as it was before.
    """
    import torch

    with _ALONE, as_usual():
        before = torch.get_num_threads()
        try:
            yield
        finally:
            torch.set_num_threads(before)


@contextmanager
def as_usual() -> Iterator[None]:
    """Within the block (or a function that this decorates) PyTorch makes what it makes by default: float32 tensors on
    the CPU, with gradients where they are asked for. A script may have chosen otherwise for its own purposes."""
    import torch

    dtype, elsewhere = torch.get_default_dtype(), torch.empty(0).device.type != "cpu"
    torch.set_default_dtype(torch.float32)
    try:
        with torch.inference_mode(False), torch.enable_grad(), torch.device("cpu") if elsewhere else nullcontext():
            yield
    finally:
        torch.set_default_dtype(dtype)
