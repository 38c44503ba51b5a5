"""The check that the registry of scenarios applies to a class."""

from __future__ import annotations

from typing import Any

from gencl.core.checks import class_problem, settings_problem
from gencl.scenarios.recipe import Recipe


def problem(name: str, thing: Any) -> str:
    """Return why ``thing`` cannot be a scenario of this name, or an empty text if it can."""
    return class_problem(thing, Recipe, "scenario", ("settings",)) or settings_problem(name, thing)
