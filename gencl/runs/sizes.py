"""Computes the sizes of a run's networks before they are built."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from gencl.core.settings import Settings
from gencl.learners.learner import Learner
from gencl.runs.build import grown
from gencl.scenarios.task import Task


def unbuilt(settings: Settings, tasks: Iterable[Task], image_shape: tuple[int, int, int]) -> Learner:
    """Return a run's learner with the parameters of these tasks on the meta device: shapes that take no memory."""
    with torch.device("meta"):
        return grown(settings, tasks, image_shape, "meta")


@dataclass
class NetworkSize:
    """The size of a network: numbers of parameters, and bytes.

    ``shared`` counts those that all tasks share, ``per_task`` the last task's own. ``carried`` counts those carried
    over from task to task unprotected. ``total`` counts all, including the own ones of earlier tasks.
    """

    shared: int = 0
    per_task: int = 0
    carried: int = 0
    total: int = 0
    bytes: int = 0


def network_sizes(learner: Learner) -> dict[str, NetworkSize]:
    """Return the size of each of the learner's networks, by name."""
    tasks = range(len(learner.tasks))
    shared = {id(parameter) for parameter in learner.shared().values()}
    of_tasks = [{id(parameter) for parameter in learner.own(task).values()} for task in tasks]
    sizes: dict[str, NetworkSize] = {}
    for name, parameter in learner.named_parameters():
        size, numbers = sizes.setdefault(name.split(".")[0], NetworkSize()), parameter.numel()
        size.total += numbers
        size.bytes += parameter.nbytes
        if id(parameter) in shared:
            size.shared += numbers
        elif not any(id(parameter) in one for one in of_tasks):
            size.carried += numbers
        elif id(parameter) in of_tasks[-1]:
            size.per_task += numbers
    return sizes
