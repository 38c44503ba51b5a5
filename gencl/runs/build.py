"""Builds the parts of a run from its settings: device, processes, tasks and learner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import InitProcessGroupKwargs

from gencl.core.errors import GenclError, UsageError
from gencl.core.folders import data_root
from gencl.core.launcher import launch
from gencl.core.part import check
from gencl.core.randomness import derive_seed
from gencl.core.settings import DataSettings, Settings
from gencl.datasets.dataset import Dataset
from gencl.datasets.load import load_dataset
from gencl.learners import LEARNERS
from gencl.learners.learner import Learner
from gencl.learners.scholar import ScholarSettings
from gencl.plugins.needed import require
from gencl.scenarios import SCENARIOS
from gencl.scenarios.added import with_added
from gencl.scenarios.check import built
from gencl.scenarios.recipe import Recipe
from gencl.scenarios.stream import inferred
from gencl.scenarios.task import Scenario, Task, with_whole

FEW = 20
"""A task with fewer training pictures than this gets a warning."""


def device_kind(device: str) -> str:
    """Return ``cpu``, ``cuda`` or ``mps``: the chosen kind, or for ``auto`` the best that is available.

    Raises UsageError if the kind is unknown or not available.
    """
    if device not in ("auto", "cpu", "cuda", "mps"):
        raise UsageError(
            f"--device {device}: it must be auto, cpu, cuda or mps; $CUDA_VISIBLE_DEVICES says which GPUs there are"
        )
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError(
            "--device cuda: PyTorch sees no GPU here; use --device cpu, or install a driver and a CUDA build"
        )
    if device == "mps" and not torch.backends.mps.is_available():
        raise UsageError("--device mps: PyTorch sees no Apple GPU here; use --device cpu")
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"


def make_accelerator(device: str = "auto") -> Accelerator:
    """Return Accelerate's accelerator on the chosen device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises UsageError if the device is not available, GenclError if not all processes have joined.
    """
    world = launch().world
    # CPU processes need cpu=True; the other arguments override Accelerate's environment, which would change a step
    on_cpu = device_kind(device) == "cpu"
    if world == 1:
        _forget_other_device(on_cpu)
    accelerator = Accelerator(
        cpu=on_cpu, mixed_precision="no", gradient_accumulation_steps=1, kwargs_handlers=_messages(on_cpu)
    )
    if accelerator.num_processes != world:
        raise GenclError(f"{world} processes were started but Accelerate joined {accelerator.num_processes} of them")
    return accelerator


def _forget_other_device(on_cpu: bool) -> None:
    """Reset Accelerate if this process used another device before, because it keeps the first one."""
    if PartialState._shared_state and (PartialState().device.type == "cpu") != on_cpu:
        AcceleratorState._reset_state(reset_partial_state=True)


def _messages(on_cpu: bool) -> list[InitProcessGroupKwargs]:
    """Return the choice of gloo if processes share a GPU, as in a test on one card; NCCL refuses that."""
    shared = not on_cpu and launch().local_world > torch.cuda.device_count() > 0
    return [InitProcessGroupKwargs(backend="gloo")] if shared else []


def recipe_of(settings: Settings) -> Recipe:
    """Return the recipe that makes the tasks of these settings from data."""
    kind = SCENARIOS.get(str(settings.scenario.get("name", "split")))
    recipe: Recipe = kind(check(kind.Settings, settings.scenario, "settings", "scenario."))
    recipe.seed = settings.seed
    return recipe


def unread(settings: Settings) -> tuple[str, ...]:
    """Return the keys of ``data.*`` that the scenario does not read. config.yaml has them only if the user set them."""
    name = str(settings.scenario.get("name"))
    return SCENARIOS.get(name).unread if name in SCENARIOS else ()


def make_scenario(settings: Settings, root: Path | None) -> Scenario:
    """Return the scenario of these settings, with its tasks on the CPU.

    Raises GenclError if the data are missing or damaged, UsageError if settings do not fit together.
    """
    require(settings.plugins, "its data", ("datasets", "scenarios"))
    folder = data_root(root) if root is not None else None
    recipe = recipe_of(settings)
    names: list[str] = []
    symbols: dict[str, tuple[str, ...]] = {}

    def load(name: str) -> Dataset:
        names.append(name)
        return load_as(name, settings.data)

    def load_as(name: str, data: DataSettings) -> Dataset:
        dataset = load_dataset(name, data, folder)
        if dataset.symbols:
            symbols[dataset.name] = dataset.classes
        return dataset

    planned = built(recipe.build(settings.data, load), f"scenario {type(recipe).__name__}")
    if settings.train.boundaries == "inferred":
        planned = inferred(planned, settings.train, settings.seed)
    scenario = with_added(planned, settings.extend, settings.data, names, load_as, recipe.drawn)
    doubts = _of_mirrored(symbols) if settings.data.flip == "yes" else ()
    return replace(
        scenario, tasks=tuple(with_whole(scenario.tasks)), doubts=(*scenario.doubts, *doubts, *_of_few(scenario))
    )


def _of_mirrored(symbols: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return a warning for each data set of symbols, such as digits, whose images would be mirrored.

    ``symbols`` maps names of data sets to their classes.
    """
    return tuple(
        f"data.flip mirrors the training images of {name} too, whose classes are {', '.join(classes[:3])}, ...: "
        "a mirrored 2 is no 2"
        for name, classes in symbols.items()
    )


def _of_few(scenario: Scenario) -> tuple[str, ...]:
    """Return a warning if tasks have fewer than `FEW` training pictures."""
    pictures = any(source.pictures for source in scenario.sources)
    doubted = [task for task in scenario.tasks if pictures or task.mixture]
    few = [f"{task.name} ({len(task.train)})" for task in doubted if len(task.train) < FEW]
    if not few:
        return ()
    return (f"few training images: {', '.join(few)}; with less than {FEW}, a network can only learn them by heart",)


def tasks_key(settings: Settings) -> str:
    """Return a text that is equal for settings of the same tasks."""
    by_seed = (settings.seed,) if seed_draws_tasks(settings) else ()
    of_stream = (settings.train,) if settings.train.boundaries == "inferred" else ()
    return repr((settings.data, settings.scenario, settings.extend, *by_seed, *of_stream))


def seed_draws_tasks(settings: Settings) -> bool:
    """Return whether the tasks differ from seed to seed."""
    return settings.train.boundaries == "inferred" or bool(recipe_of(settings).drawn)


def make_learner(
    model: dict[str, object], image_shape: Sequence[int], seed: int, device: torch.device | str
) -> Learner:
    """Return a learner without tasks for images (channels, height, width). Raises UsageError if it cannot take them."""

    def build(block: Mapping[str, object]) -> tuple[Any, Any]:
        kind = LEARNERS.get(str(block["name"]))
        settings = check(kind.Settings, block, "model")
        learner = kind(settings, tuple(image_shape), derive_seed(seed, "model"))
        if not hasattr(learner, "passes"):
            raise GenclError(f"learner {block['name']}: {kind.__name__}.__init__ must call super().__init__() first")
        return learner, settings

    whole, settings = build(model)
    if isinstance(settings, ScholarSettings) and settings.generator is not None:
        generator, _ = build(settings.generator)
        whole.attach(generator, settings.generator_batch, settings.generator_lr)
    learner: Learner = whole
    return learner.to(device)


def grow(learner: Learner, task: Task, seed: int) -> None:
    """Add a task's parameters to the learner, initialised from the run's seed."""
    for part in task.parts:
        learner.grow(part.classes, derive_seed(seed, "grow", part.index))


def grown(settings: Settings, tasks: Iterable[Task], image_shape: Sequence[int], device: torch.device | str) -> Learner:
    """Return a run's learner, untrained, with the parameters of these tasks."""
    learner = make_learner(settings.model, image_shape, settings.seed, device)
    for task in tasks:
        grow(learner, task, settings.seed)
    return learner
