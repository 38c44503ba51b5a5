"""Whether what a plug-in gives is what its registry holds: the right class, with all its hooks, under its own name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, get_args

from gencl.registry import Registry


def problem(registry: Registry, name: str, thing: Any) -> str:
    """What is wrong with ``thing`` as an entry ``name`` of ``registry``, in words; nothing where all is right."""
    return _CHECKS[str(registry.group)](name, thing)


def _subclass(thing: Any, base: type, told: str) -> str:
    """Whether it is a class of this kind that can be made."""
    if not (isinstance(thing, type) and issubclass(thing, base)):
        what = f"the class {thing.__name__}" if isinstance(thing, type) else f"{type(thing).__name__} {thing!r}"[:80]
        return f"{what} is no {told}: derive it from {base.__module__}.{base.__name__}"
    lacking = sorted(getattr(thing, "__abstractmethods__", ()))
    return f"{thing.__name__} lacks {', '.join(lacking)} (see {base.__module__}.{base.__name__})" if lacking else ""


def _settings(name: str | None, thing: Any) -> str:
    """Whether its settings can be checked, and call it as it is registered."""
    from gencl.settings import Part

    kind = getattr(thing, "Settings", None)
    if not (isinstance(kind, type) and issubclass(kind, Part)):
        return f"{thing.__name__}.Settings must be a class derived from gencl.settings.Part"
    if name is None:
        return ""
    field = kind.model_fields.get("name")
    if field is None or field.default != name:
        return f"{thing.__name__}.Settings must say name: Literal[{name!r}] = {name!r}"
    return ""


def _method(name: str, thing: Any) -> str:
    from gencl.methods import SERVES
    from gencl.methods.base import Method

    wrong = _subclass(thing, Method, "method") or _settings(None, thing)
    if wrong:
        return wrong
    stores = thing.state_dict is not Method.state_dict
    if stores != (thing.load_state_dict is not Method.load_state_dict):
        has, lacks = ("state_dict", "load_state_dict") if stores else ("load_state_dict", "state_dict")
        return f"{thing.__name__} has {has} but lacks {lacks}: a run could not be resumed"
    unknown = sorted(set(thing.needs) - set(SERVES))
    return f"{thing.__name__}.needs has no word {unknown[0]!r}; there are: {', '.join(SERVES)}" if unknown else ""


def _learner(name: str, thing: Any) -> str:
    from gencl.models.learner import Learner

    return _subclass(thing, Learner, "learner") or _settings(name, thing)


def _scenario(name: str, thing: Any) -> str:
    from gencl.scenarios.recipe import Recipe

    return _subclass(thing, Recipe, "scenario") or _settings(name, thing)


def _dataset(name: str, thing: Any) -> str:
    try:
        inspect.signature(thing).bind(None, True)
    except (TypeError, ValueError):
        return "must be a function load(root, download) that returns a gencl.Dataset or the Path of a folder"
    return ""


def _metric(name: str, thing: Any) -> str:
    from gencl.metrics import GROUPS
    from gencl.metrics.metric import Metric, When

    wrong = _subclass(thing, Metric, "metric")
    if wrong:
        return wrong
    if name in GROUPS:
        return f"{name} is a short name for {', '.join(GROUPS[name])}; choose another"
    values = {"name": (name,), "better": ("higher", "lower"), "when": get_args(When)}
    for attribute, allowed in values.items():
        if getattr(thing, attribute, None) not in allowed:
            return f"{thing.__name__}.{attribute} must be {' or '.join(map(repr, allowed))}"
    return ""


def _extractor(name: str, thing: Any) -> str:
    from torch import nn

    wrong = _subclass(thing, nn.Module, "feature extractor")
    if wrong:
        return wrong
    if getattr(thing, "name", None) != name:
        return f"{thing.__name__}.name must be {name!r}"
    return "" if hasattr(thing, "version") else f"{thing.__name__} needs a version: scores compare within one only"


_CHECKS: dict[str, Callable[[str, Any], str]] = {
    "gencl.methods": _method,
    "gencl.learners": _learner,
    "gencl.datasets": _dataset,
    "gencl.scenarios": _scenario,
    "gencl.metrics": _metric,
    "gencl.extractors": _extractor,
}
