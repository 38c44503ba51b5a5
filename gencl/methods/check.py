"""The check that the registry applies to a method class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gencl.core.checks import class_problem, settings_problem
from gencl.core.registry import did_you_mean
from gencl.core.returned import all_of, shown
from gencl.learners.capabilities import Capability
from gencl.methods.base import Method


def problem(name: str, thing: Any) -> str:
    """Return what is wrong with ``thing`` as a method called ``name``, or an empty string."""
    if name == "like":
        return "a preset's methods: {like: PRESET} takes another preset's settings over; choose another name"
    wrong = class_problem(thing, Method, "method", ("settings",)) or settings_problem(None, thing)
    wrong = wrong or _default_problem(thing) or _grid_problem(thing)
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


def _default_problem(thing: Any) -> str:
    """Return which setting lacks a default: ``--method`` gives none, so the method could not be used."""
    lacking = [name for name, field in thing.Settings.model_fields.items() if field.is_required()]
    return f"{thing.__name__}.Settings.{lacking[0]} needs a default" if lacking else ""


def _grid_problem(thing: Any) -> str:
    """Return what is wrong with the values that `gencl tune` tries."""
    where, grid = f"{thing.__name__}.grid", thing.grid
    if not isinstance(grid, Mapping):
        return f"{where} must be values by setting, such as {{'lambda': (0.1, 1.0)}}, not {shown(grid)}"
    keys = [field.alias or name for name, field in thing.Settings.model_fields.items()]
    for key, values in grid.items():
        if key not in keys:
            return f"{where} has {key!r}, which {thing.__name__}.Settings lacks{did_you_mean(str(key), keys)}"
        if not all_of(object)(values):
            return f"{where}[{key!r}] must be a list or tuple of values to try, not {shown(values)}"
    return ""
