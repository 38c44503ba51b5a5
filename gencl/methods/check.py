"""The check that the registry applies to a method class."""

from __future__ import annotations

from typing import Any

from gencl.core.checks import class_problem, settings_problem
from gencl.learners.capabilities import Capability
from gencl.methods.base import Method


def problem(name: str, thing: Any) -> str:
    """Return what is wrong with ``thing`` as a method called ``name``, or an empty string."""
    if name == "like":
        return "a preset's methods: {like: PRESET} takes another preset's settings over; choose another name"
    wrong = class_problem(thing, Method, "method", ("settings",)) or settings_problem(None, thing)
    if wrong:
        return wrong
    stores = thing.state_dict is not Method.state_dict
    if stores != (thing.load_state_dict is not Method.load_state_dict):
        has, lacks = ("state_dict", "load_state_dict") if stores else ("load_state_dict", "state_dict")
        return f"{thing.__name__} has {has} but lacks {lacks}: a run could not be resumed"
    if isinstance(thing.needs, tuple) and all(isinstance(need, Capability) for need in thing.needs):
        return ""
    return (
        f"{thing.__name__}.needs: {thing.needs!r} is no tuple of {Capability.__module__}; write such as (CLASSIFIER,)"
    )
