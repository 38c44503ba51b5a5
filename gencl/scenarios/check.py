"""Whether a class is a scenario: what the registry is given."""

from __future__ import annotations

from typing import Any

from gencl.core.checks import class_problem, settings_problem
from gencl.scenarios.recipe import Recipe


def problem(name: str, thing: Any) -> str:
    """What is wrong with ``thing`` as a scenario of this name; nothing where all is right."""
    return class_problem(thing, Recipe, "scenario", ("settings",)) or settings_problem(name, thing)
