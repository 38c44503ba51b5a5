"""The number of PyTorch's CPU threads, and how they wait for each other (docs/how-to/speed.md).

PyTorch starts one thread per core, and by default threads spin while they wait. On a busy machine a step then takes
many times as long as with one thread (``python -m benchmarks.threads``).
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
"""Multiplications per forward pass (`multiplications`) from which a run uses several threads. From this size on they
take hardly more CPU time than one thread; for most smaller networks they take clearly more (benchmarks.threads)."""
_CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def wait_asleep(environment: MutableMapping[str, str]) -> None:
    """Set OpenMP's threads to sleep while they wait, unless ``environment`` already has a setting for it.

    OpenMP reads the environment once, when PyTorch is imported. Results do not depend on it.
    """
    if not any(name in environment for name in _WAITING):
        environment["OMP_WAIT_POLICY"] = "PASSIVE"


def allowed_cores() -> int:
    """Return how many cores this process may use, by its affinity and a container's CPU quota (cgroup v2)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = map(int, _CPU_QUOTA.read_text(encoding="ascii").split())
        return max(1, min(cores, quota // period))
    except (OSError, ValueError, ZeroDivisionError):  # no such file, or "max": no quota
        return cores


def most_threads() -> int:
    """Return the largest number of threads that `choose` uses: the smaller of PyTorch's current number and the allowed
    cores. $OMP_NUM_THREADS sets the former."""
    import torch

    return min(torch.get_num_threads(), allowed_cores())


def multiplications(learner: nn.Module, image_shape: Sequence[int], samples: int) -> int:
    """Return a rough estimate of the multiplications in a step's forward pass.

    Each weight counts once per sample. A convolution's weight counts once per 16 pixels of an image (c, h, w), since
    feature maps mostly have between a half and an eighth of the image's height and width.
    """
    *_, height, width = image_shape
    positions = max(1, height * width // 16)
    return samples * sum(p.numel() * (positions if p.ndim >= 4 else 1) for p in learner.parameters())


def choose(work: int) -> int:
    """Return the number of threads for a step of ``work`` multiplications: `most_threads` if large, otherwise one."""
    return most_threads() if work >= LARGE_STEP else 1


_ALONE = threading.RLock()


@contextmanager
def alone() -> Iterator[None]:
    """Let only one Python thread at a time run a block (or decorated function) of this kind; others wait.

    A run's exact results depend on PyTorch's number of threads and choice of algorithms, which are global to the
    process. The number of threads is restored after the block.
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
    """Use PyTorch's defaults within the block (or decorated function): float32, the CPU, and gradients enabled.

    The user's script may have changed these defaults for its own code.
    """
    import torch

    dtype, elsewhere = torch.get_default_dtype(), torch.empty(0).device.type != "cpu"
    torch.set_default_dtype(torch.float32)
    try:
        with torch.inference_mode(False), torch.enable_grad(), torch.device("cpu") if elsewhere else nullcontext():
            yield
    finally:
        torch.set_default_dtype(dtype)
