"""Describes a run in its files, besides its scores: sizes, tasks, versions and the git commit."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch

import gencl
from gencl.datasets import has_name
from gencl.learners.learner import Learner
from gencl.methods import returned
from gencl.methods.base import Method, state_bytes
from gencl.plugins.needed import checksums
from gencl.scenarios.task import Scenario


def count_parameters(learner: Learner, method: Method) -> dict[str, int]:
    """Return numbers of parameters, and the bytes of the method's state.

    The parameters are shared ones, shared ones that are not zero, the last task's own (``per_task``), and all.
    """
    return {
        "shared": sum(p.numel() for p in learner.shared().values()),
        "shared_nonzero": sum(int(p.count_nonzero()) for p in learner.shared().values()),
        "per_task": sum(p.numel() for p in learner.own(len(learner.tasks) - 1).values()),
        "total": sum(p.numel() for p in learner.parameters()),
        "method_state_bytes": state_bytes(returned.state(method)),
    }


def of_tasks(scenario: Scenario) -> dict[str, Any]:
    """Return the tasks' names, the names of data sets, and how well inferred tasks agree with the true ones.

    ``data`` leaves out folders, whose names are the user's. ``data`` and ``boundaries`` are None if they do not apply.
    """
    return {
        "tasks": [task.name for task in scenario.tasks],
        "data": [source.name for source in scenario.sources if has_name(source.name)] or None,
        "boundaries": scenario.boundaries,
    }


def environment(device: torch.device, processes: int, plugins: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return versions, device, processes, threads and git commit of this run, and checksums of its ``plugins``."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return {
        "gencl": gencl.__version__,
        "torch": torch.__version__,
        "device": name,
        "processes": processes,
        "threads": torch.get_num_threads(),
        "git": git_commit(),
        **({"plugins": checksums(plugins)} if plugins else {}),
    }


@cache
def git_commit() -> str:
    """Return the commit of the clone that gencl runs from, or an empty text if it does not run from a clone.

    It is that of the first call in this process, whose code runs.
    """
    root = Path(gencl.__file__).parents[1]
    if not (root / ".git").exists():
        return ""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty"]
    try:
        described = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return described.stdout.strip() if described.returncode == 0 else ""
