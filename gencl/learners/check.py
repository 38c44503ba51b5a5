"""The check of learners that the registry uses."""

from __future__ import annotations

from typing import Any

from gencl.core.checks import class_problem, settings_problem
from gencl.learners.learner import Learner


def problem(name: str, thing: Any) -> str:
    """Return what is wrong with ``thing`` as a learner of this name; an empty string if nothing is."""
    made_of = ("settings", "image_shape", "seed")
    return class_problem(thing, Learner, "learner", made_of) or settings_problem(name, thing)
