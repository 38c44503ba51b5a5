"""Checks of scenarios: of a class when it is registered, and of the tasks that it builds."""

from __future__ import annotations

from typing import Any

import torch

from gencl.core.checks import class_problem, settings_problem
from gencl.core.errors import GenclError
from gencl.core.returned import all_of, returned
from gencl.datasets.dataset import Split
from gencl.scenarios.recipe import Recipe
from gencl.scenarios.task import Scenario, Task


def problem(name: str, thing: Any) -> str:
    """Return why ``thing`` cannot be a scenario of this name, or an empty text if it can."""
    return class_problem(thing, Recipe, "scenario", ("settings",)) or settings_problem(name, thing)


def built(value: Any, who: str) -> Scenario:
    """Return the scenario that a recipe built. Raises GenclError that says what is wrong with it."""

    def of_tasks(value: object) -> bool:
        return isinstance(value, Scenario) and all_of(Task)(value.tasks)

    scenario: Scenario = returned(value, of_tasks, f"{who}: build", "a gencl.Scenario of one task or more")
    for place, task in enumerate(scenario.tasks):
        wrong = _wrong(task, place, len(scenario.class_names))
        if wrong:
            raise GenclError(f"{who}: task {task.name}: {wrong}")
    return scenario


def _wrong(task: Task, place: int, names: int) -> str:
    if task.index != place:
        return f"its index must be its place in the scenario, {place}, not {task.index}"
    nameless = next((c for c in task.classes if not 0 <= c < names), None)
    if nameless is not None:
        return f"its class {nameless} has no name; class_names has names of classes 0 to {names - 1}"
    for part in ("train", "validation", "test"):
        split = getattr(task, part)
        if not isinstance(split, Split):
            return f"its {part} must be gencl.Split(images, labels)"
        if split.labels.dtype != torch.int64:
            return f"its {part} labels must be torch.int64, not {split.labels.dtype}"
        strange = set(split.labels.unique().tolist()) - set(task.classes)
        if strange:
            return f"its {part} labels include {min(strange)}, which is not among its classes {task.classes!r:.80}"
    if len(task.train) and not len(task.test):
        return f"it has {len(task.train):,} training images and no test images, which it is measured on"
    return ""
