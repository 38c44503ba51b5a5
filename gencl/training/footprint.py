"""Estimates the memory that training takes, before any network is built."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gencl import presets
from gencl.core.amounts import memory
from gencl.core.errors import UsageError
from gencl.core.free_memory import free_memory
from gencl.core.peak import Peak
from gencl.core.randomness import RandomSource
from gencl.core.settings import Settings
from gencl.core.train_settings import TrainSettings
from gencl.learners import returned as of_learner
from gencl.learners.learner import Learner, Phase
from gencl.methods import building, returned
from gencl.runs.sizes import unbuilt
from gencl.runs.state import memory_in_use
from gencl.scenarios.batch import Batch
from gencl.scenarios.task import Scenario, Task
from gencl.training.averaging import Average
from gencl.training.optimizers import Switch
from gencl.training.smaller import smaller

FLOAT = 4
"""Bytes per parameter."""


@dataclass(frozen=True)
class Footprint:
    """Bytes that training takes in each process, without the data, while the last task is learned."""

    parameters: int
    optimizers: int
    """Optimiser states and the average of the parameters."""
    method: int
    step: int
    """Gradients and activations at the peak of a step."""

    @property
    def total(self) -> int:
        return self.parameters + self.optimizers + self.method + self.step


def expected_memory(
    settings: Settings, scenario: Scenario, device: torch.device, world: int = 1, refuse: bool = True, runs: int = 1
) -> int:
    """Return the peak memory of training in bytes, including what is in use now; 0 if it cannot be estimated.

    Args:
        world: the number of processes that share a step.
        refuse: whether to raise UsageError if less memory is free. The message suggests smaller settings that fit.
        runs: how many runs are trained side by side.
    """
    footprint = footprint_of(settings, scenario, world)
    if footprint is None:
        return 0
    needed, free = runs * footprint.total, free_memory(device)
    if refuse and needed > free and runs > 1 and footprint.total <= free:
        raise UsageError(
            f"{runs} runs side by side take about {memory(needed)} of memory to train, and {memory(free)} are free; "
            "train them one by one (compare without --ensemble), or fewer at a time"
        )
    if refuse and needed > free:
        raise UsageError(_refusal(settings, scenario, world, needed, free // runs, device))
    return memory_in_use(device) + needed


def _refusal(settings: Settings, scenario: Scenario, world: int, needed: int, free: int, device: torch.device) -> str:
    """Return one line: which setting is too large, how much memory it takes, how much is free, and what to set
    instead."""

    def of(changed: Settings) -> int | None:
        footprint = footprint_of(changed, scenario, world)
        return None if footprint is None else footprint.total

    changes = smaller(settings, of, free)
    place = "on the GPU" if device.type == "cuda" else "here"
    takes = f"takes about {memory(needed)} of memory to train, and {memory(free)} are free {place}"
    if not changes:
        return f"model: {settings.model['name']} {takes}; train on a machine with more memory"
    key = next(iter(changes))
    present = presets.value_at(settings, key.split("."))
    instead = " ".join(f"--set {name}={str(value).replace(' ', '')}" for name, value in changes.items())
    return f"{key}: {present} {takes}; write {instead}"


def footprint_of(settings: Settings, scenario: Scenario, world: int = 1) -> Footprint | None:
    """Return the memory that training takes with these settings, or None for a learner that needs tensors' values."""
    try:
        with torch.random.fork_rng(devices=[]):
            return _footprint(settings, scenario, world)
    except Exception:  # a plug-in's learner may read values, which meta tensors do not have
        return None


def _footprint(settings: Settings, scenario: Scenario, world: int) -> Footprint:
    method = building.build(settings.method)
    episodes = returned.episodes(method, [_thin(task) for task in scenario.tasks])
    train, task = settings.train_of(len(scenario.tasks))[-1], episodes[-1]
    learner = unbuilt(settings, episodes, scenario.image_shape)
    phases = learner.phases([part.index for part in task.parts])
    averages = Average(learner, phases, train.half_life, train.batch_size).tensors().values()
    shared = sum(parameter.numel() for parameter in learner.shared().values())
    batch = _batch(task, max(1, train.batch_size // world), settings.seed)
    return Footprint(
        parameters=FLOAT * sum(parameter.numel() for parameter in learner.parameters()),
        optimizers=sum(mean.nbytes for mean in averages)
        + FLOAT * sum(_moments(phase, train) * _numbers(phase) for phase in phases),
        method=round(FLOAT * method.copies * shared),
        step=max((_step(learner, phase, batch) for phase in phases), default=0),
    )


def _thin(task: Task) -> Task:
    """Return the task with one image per split, so that nothing large is copied."""
    splits = (task.train, task.validation, task.test)
    train, validation, test = (split.select(torch.arange(min(1, len(split)))).to("cpu") for split in splits)
    return replace(task, train=train, validation=validation, test=test, length=None, dealt=None)


def _batch(task: Task, size: int, seed: int) -> Batch:
    """Return a batch of ``size`` samples of the task on the meta device: shapes without values."""
    with torch.device("cpu"):
        tensors = replace(task, shares=()).source(1, seed).batch(0).tensors()
    shapes = {name: torch.empty(size, *t.shape[1:], dtype=t.dtype, device="meta") for name, t in tensors.items()}
    return Batch.of(shapes, tuple(part.index for part in task.parts))


def _numbers(phase: Phase) -> int:
    return sum(parameter.numel() for parameter in phase.parameters)


def _moments(phase: Phase, train: TrainSettings) -> int:
    """Return how many numbers the optimiser holds per parameter."""
    if train.optimizer == "adam" or phase.adam_lr is not None:
        return 2
    return (2 if train.optimizer == "rmsprop" else 0) + (1 if train.momentum else 0)


def _step(learner: Learner, phase: Phase, batch: Batch) -> int:
    """Return the peak bytes of a phase's first step, without the parameters.

    The first step includes penalties that are not computed in every step.
    """
    Switch(learner, phase).on()
    random = _Shapes()
    with torch.device("meta"), Peak() as peak:
        of_learner.loss(phase.loss(phase.draw(batch, random), 0, random), phase).backward()
    for parameter in phase.parameters:
        parameter.grad = None
    size: int = peak.bytes
    return size


class _Shapes(RandomSource):
    """A random source that draws meta tensors: shapes without values."""

    def __init__(self) -> None:
        self.device, self.rank, self.world = torch.device("meta"), 0, 1

    def normal(self, n: int, *shape: int) -> Tensor:
        return torch.empty(n, *shape, device=self.device)

    uniform = normal

    def choice(self, values: Tensor, n: int) -> Tensor:
        return torch.empty(n, dtype=values.dtype, device=self.device)
