"""Checks of classes for a registry: the right base class, no missing methods, and valid ``Settings``."""

from __future__ import annotations

from typing import Any

from gencl.core.hooks import call_problem, made_problem
from gencl.core.part import Part
from gencl.core.returned import shown


def class_problem(thing: Any, base: type, told: str, made_of: tuple[str, ...] | None = None) -> str:
    """Return what is wrong with ``thing`` as a subclass of ``base``, or "" if nothing is.

    It must have no abstract methods left, and hooks that gencl can call. If ``made_of`` is given, its constructor must
    take these arguments. ``told`` is the name of ``base`` in messages.
    """
    if not (isinstance(thing, type) and issubclass(thing, base)):
        what = f"the class {thing.__name__}" if isinstance(thing, type) else shown(thing)
        return f"{what} is no {told}: derive it from {base.__module__}.{base.__name__}"
    lacking = sorted(getattr(thing, "__abstractmethods__", ()))
    if lacking:
        return f"{thing.__name__} lacks {', '.join(lacking)} (see {base.__module__}.{base.__name__})"
    return call_problem(thing) or ("" if made_of is None else made_problem(thing, made_of))


def settings_problem(name: str | None, thing: Any) -> str:
    """Return what is wrong with ``thing.Settings``, or "" if nothing is.

    It must derive from `Part`. Unless ``name`` is None, its field ``name`` must have that default.
    """
    kind = getattr(thing, "Settings", None)
    if not (isinstance(kind, type) and issubclass(kind, Part)):
        return f"{thing.__name__}.Settings must be a class derived from gencl.core.part.Part"
    if name is None:
        return ""
    field = kind.model_fields.get("name")
    if field is None or field.default != name:
        return f"{thing.__name__}.Settings must say name: Literal[{name!r}] = {name!r}"
    return ""
