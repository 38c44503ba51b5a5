"""Checks, used by the registries, that a class is a valid metric or feature extractor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from torch import nn

from gencl.core.checks import class_problem
from gencl.metrics import GROUPS
from gencl.metrics.figures import Better, Figure, Unit
from gencl.metrics.metric import Metric, When


def metric_problem(name: str, thing: Any) -> str:
    """Return what is wrong with ``thing`` as a metric called ``name``; empty if nothing is."""
    wrong = class_problem(thing, Metric, "metric", ())
    if wrong:
        return wrong
    if name in GROUPS:
        return f"{name} is a short name for {', '.join(GROUPS[name])}; choose another"
    values = {"name": (name,), "when": get_args(When)}
    if not thing.figures:  # without figures it must declare `better` itself
        values["better"] = get_args(Better)
    return _first_wrong(thing.__name__, thing, values) or figures_problem(name, thing)


def figures_problem(name: str, thing: Any) -> str:
    """Return what is wrong with the figures that a metric declares; empty if nothing is."""
    where, figures = f"{thing.__name__}.figures", thing.figures
    if not isinstance(figures, Mapping) or (figures and name not in figures):
        return f"{where} must hold a Figure for {name!r}, and for each figure of its summaries"
    for key, figure in figures.items():
        if not isinstance(figure, Figure):
            return f"{where}[{key!r}] must be a gencl.Figure"
        ways = get_args(Better) if key == name else (*get_args(Better), None)
        if wrong := _first_wrong(f"{where}[{key!r}]", figure, {"unit": get_args(Unit), "better": ways}):
            return wrong
        if not isinstance(figure.label, str) or not figure.label or not isinstance(figure.meaning, str):
            return f"{where}[{key!r}] needs a label, and a meaning in words"
    return ""


def _first_wrong(where: str, thing: Any, values: Mapping[str, tuple[Any, ...]]) -> str:
    """Return a message about the first attribute of ``thing`` whose value is not allowed; empty if all are."""
    for attribute, allowed in values.items():
        if getattr(thing, attribute, None) not in allowed:
            return f"{where}.{attribute} must be {' or '.join(map(repr, allowed))}"
    return ""


def extractor_problem(name: str, thing: Any) -> str:
    """Return what is wrong with ``thing`` as a feature extractor called ``name``; empty if nothing is."""
    wrong = class_problem(thing, nn.Module, "feature extractor")
    if wrong:
        return wrong
    if getattr(thing, "name", None) != name:
        return f"{thing.__name__}.name must be {name!r}"
    return "" if hasattr(thing, "version") else f"{thing.__name__} needs a version: scores compare within one only"
