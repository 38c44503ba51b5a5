"""Measure the importance of parameters for a task by the methods' measures, or read what a run's method stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gencl import presets
from gencl.core.errors import GenclError
from gencl.core.files import optional_place
from gencl.core.prefixes import within
from gencl.core.processes import Processes
from gencl.core.randomness import RandomSource
from gencl.core.registry import parts_of
from gencl.core.settings import Settings
from gencl.learners.learner import Learner
from gencl.methods import METHODS, building
from gencl.methods.base import Context
from gencl.methods.consolidation import scaled_to_mean_one
from gencl.runs import checkpoint
from gencl.runs.build import make_accelerator, tasks_key
from gencl.runs.folder import RunFolder
from gencl.runs.same_images import scenario_of
from gencl.scenarios.task import Scenario


def measures() -> dict[str, str]:
    """Return the labels of the importance measures, by name."""
    each = (METHODS.get(name).importance_measure for name in _measuring())
    return {measure.name: measure.label for measure in each}


def _measuring(measure: str | None = None) -> list[str]:
    """Return the methods whose importance can be measured in any network; with ``measure``, those that use it."""
    kinds = {name: getattr(METHODS.get(name), "importance_measure", None) for name in METHODS}
    return [name for name, kind in kinds.items() if kind is not None and measure in (None, kind.name)]


class Bench:
    """Measures importance on up to ``samples`` images (or latents) per task. Runs with equal tasks share their data."""

    def __init__(self, samples: int, data_root: str | Path | None, device: str) -> None:
        self.samples = samples
        self._root = optional_place(data_root)
        self._device = make_accelerator(device).device
        self._scenarios: dict[str, Scenario] = {}

    def tasks(self, run: RunFolder) -> Scenario:
        """Return the run's tasks, on the device. Raises GenclError if they differ from those that its model learned."""
        settings = run.settings
        key = tasks_key(settings)
        if key not in self._scenarios:
            self._scenarios[key] = scenario_of(run, self._root).to(self._device)
        scenario = self._scenarios[key]
        if [list(task.classes) for task in scenario.tasks] != run.card.tasks:
            raise GenclError(f"{run.path / 'config.yaml'} has other tasks than model.json")
        return scenario

    def importance(self, run: RunFolder, learner: Learner, measure: str, number: int) -> dict[str, Tensor]:
        """Return Omega of each shared parameter of ``learner``, by name, for task ``number`` (1 for the first).

        It is scaled to mean 1 over all shared parameters, and on the CPU. It is measured as the method with this
        ``measure`` does, with its settings in this run. If the run has another method, those of the preset apply.
        """
        settings, task = run.settings, self.tasks(run).tasks[number - 1]
        learner.to(self._device)
        random = RandomSource(settings.seed, "analysis", device=self._device)
        ctx = Context(learner, task, False, settings.seed, settings.train, Processes(), random)
        method: Any = building.build({**_block(run, settings, measure), "samples": self.samples})
        return {name: value.cpu() for name, value in scaled_to_mean_one(method.measure(ctx)).items()}


def _block(run: RunFolder, settings: Settings, measure: str) -> dict[str, Any]:
    """Return the settings of the method that measures importance by ``measure``."""
    family, block = _measuring(measure), settings.method
    parts = parts_of(block["name"])
    name = next((part for part in parts if part in family), None)
    if name is None:
        return presets.resolve(config=run.path / "config.yaml", method=family[0]).method
    return block if len(parts) == 1 else {"name": name, **block[name]}


def held(run: RunFolder) -> dict[str, Tensor] | None:
    """Return the importance that the run's method had stored at the end, all tasks added up, by parameter name.

    Return None if it stores none. Raises GenclError if the run's last checkpoint is damaged.
    """
    last = checkpoint.load(run.path / "checkpoint")
    if last is None:
        return None
    if last.passed_over:  # the one before it has the importance of fewer tasks
        raise GenclError(f"the last checkpoint is damaged: {last.passed_over[0]}; train the run again")
    parts = parts_of(run.settings.method["name"])
    for place in ["method", *(f"method.{part}" for part in parts)]:
        importance = within(f"{place}.importance", last.tensors)
        if importance:
            return importance
    return None


def layers(parameters: Mapping[str, Tensor]) -> dict[str, list[str]]:
    """Return the names of each layer's parameters, by the layer's name, from first to last.

    Layers without a weight matrix or kernel are left out, such as the scales and shifts of norms.
    """
    names_of: dict[str, list[str]] = {}
    for name in parameters:
        names_of.setdefault(name.rpartition(".")[0], []).append(name)
    return {layer: names for layer, names in names_of.items() if any(parameters[name].ndim > 1 for name in names)}


def joined(importance: dict[str, Tensor], names: Sequence[str] | None = None) -> Tensor:
    """Return the importance of these parameters (default: all), flattened and concatenated, (n,)."""
    return torch.cat([importance[name].flatten() for name in names or importance])
