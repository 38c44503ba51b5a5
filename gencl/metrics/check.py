"""Whether a class is a metric or a feature extractor: what the registries are given."""

from __future__ import annotations

from typing import Any, get_args

from torch import nn

from gencl.core.checks import class_problem
from gencl.metrics import GROUPS
from gencl.metrics.metric import Metric, When


def metric_problem(name: str, thing: Any) -> str:
    """What is wrong with ``thing`` as a metric of this name; nothing where all is right."""
    wrong = class_problem(thing, Metric, "metric")
    if wrong:
        return wrong
    if name in GROUPS:
        return f"{name} is a short name for {', '.join(GROUPS[name])}; choose another"
    values = {"name": (name,), "better": ("higher", "lower"), "when": get_args(When)}
    for attribute, allowed in values.items():
        if getattr(thing, attribute, None) not in allowed:
            return f"{thing.__name__}.{attribute} must be {' or '.join(map(repr, allowed))}"
    return ""


def extractor_problem(name: str, thing: Any) -> str:
    """What is wrong with ``thing`` as a feature extractor of this name; nothing where all is right."""
    wrong = class_problem(thing, nn.Module, "feature extractor")
    if wrong:
        return wrong
    if getattr(thing, "name", None) != name:
        return f"{thing.__name__}.name must be {name!r}"
    return "" if hasattr(thing, "version") else f"{thing.__name__} needs a version: scores compare within one only"
