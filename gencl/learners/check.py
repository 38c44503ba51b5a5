"""Whether a class is a learner: what the registry is given."""

from __future__ import annotations

from typing import Any

from gencl.core.checks import class_problem, settings_problem
from gencl.learners.learner import Learner


def problem(name: str, thing: Any) -> str:
    """What is wrong with ``thing`` as a learner of this name; nothing where all is right."""
    made_of = ("settings", "image_shape", "seed")
    return class_problem(thing, Learner, "learner", made_of) or settings_problem(name, thing)
