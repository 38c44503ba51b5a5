"""How much memory a process can still allocate."""

from __future__ import annotations

from pathlib import Path

import psutil
import torch

from gencl.core.launcher import launch

_CONTAINER = Path("/sys/fs/cgroup")


def free_memory(device: torch.device) -> int:
    """Return the number of bytes that this process can still allocate on the device.

    Processes on one machine share its free host memory equally.
    """
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + cached
    free = int(psutil.virtual_memory().available)
    return min(free, _left_to_container(free)) // launch().local_world


def _left_to_container(otherwise: int) -> int:
    """Return the bytes left under the container's memory limit (cgroup v2), or ``otherwise`` if it has no limit."""
    try:
        limit, current = (int(_read(f"memory.{name}")) for name in ("max", "current"))
        lines = _read("memory.stat").splitlines()
        cached = next(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
    except (OSError, ValueError, IndexError, StopIteration):  # no such files, or "max": no limit
        return otherwise
    return max(0, limit - current + cached)  # the kernel drops cached files when memory is needed


def _read(name: str) -> str:
    return (_CONTAINER / name).read_text(encoding="ascii")
