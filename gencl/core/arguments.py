"""Check the arguments of public functions against their annotations and report a wrong type in one line.

The check and the error message both come from the annotation, so they cannot differ.
"""

from __future__ import annotations

import inspect
import operator
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from numbers import Real
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    ParamSpec,
    SupportsIndex,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from gencl.core.errors import UsageError

P = ParamSpec("P")
R = TypeVar("R")
K = TypeVar("K", bound=type)


@dataclass(frozen=True)
class AtLeast:
    """The smallest value of an argument, for use in ``Annotated``."""

    least: int


NonNegative: TypeAlias = Annotated[int, AtLeast(0)]
Positive: TypeAlias = Annotated[int, AtLeast(1)]
TwoOrMore: TypeAlias = Annotated[int, AtLeast(2)]

_KINDS: Mapping[Any, tuple[type, str, str]] = {
    int: (SupportsIndex, "an integer", "integers"),  # NumPy's integers, too
    float: (Real, "a number", "numbers"),
    str: (str, "a string", "strings"),
    Path: (os.PathLike, "a path", "paths"),
    bool: (bool, "True or False", "truth values"),
    NoneType: (NoneType, "None", "None"),
}
"""By annotation: the type that an argument must have, and its name in messages, singular and plural."""


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Wrap a function so that it raises UsageError for an argument that does not match its annotation."""
    signature = inspect.signature(function)
    hints = cache(
        lambda: get_type_hints(function, include_extras=True)
    )  # evaluated at the first call: annotations may name types that are imported later

    @wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> R:
        try:
            given = signature.bind(*args, **options).arguments
        except TypeError:  # the call raises Python's own error for a missing or unknown argument
            return function(*args, **options)
        for name, value in given.items():
            kind, hint = signature.parameters[name].kind, hints().get(name, Any)
            values = value if kind is inspect.Parameter.VAR_POSITIONAL else (value,)
            wrong = [each for each in values if kind is not inspect.Parameter.VAR_KEYWORD and not fits(each, hint)]
            if wrong:
                shown = " ".join(f"{wrong[0]!r}".split())
                shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
                raise UsageError(f"{function.__qualname__}({name}={shown}): {name} must be {words(hint)}")
        return function(*args, **options)

    return call


def checked_methods(kind: K) -> K:
    """Apply `checked` to all public methods of a class, in place, and return the class."""
    for name, member in list(vars(kind).items()):
        if inspect.isfunction(member) and not name.startswith("_"):
            setattr(kind, name, checked(member))
    return kind


def fits(value: Any, hint: Any) -> bool:
    """Return whether a value matches an annotation. A bool is not a number, and a string is not a list of strings."""
    kind, inner = get_origin(hint), get_args(hint)
    if hint is Any or kind is Literal:
        return hint is Any or any(value is each or (isinstance(value, str) and value == each) for each in inner)
    if kind in (Union, UnionType):
        return any(fits(value, each) for each in inner)
    if kind is Annotated:
        return fits(value, inner[0]) and value >= inner[1].least
    if kind is None:
        known = _KINDS.get(hint, (hint, "", ""))[0]
        return isinstance(value, known) and (hint is bool or not isinstance(value, bool)) and _is_one(value, hint)
    if issubclass(kind, Mapping):
        return isinstance(value, Mapping)
    several = isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping)
    return several and all(fits(each, inner[0]) for each in value)


def _is_one(value: Any, hint: Any) -> bool:
    """Return False for a value that ``hint`` int rejects: arrays have ``__index__``, but it may raise."""
    if hint is int:
        try:
            operator.index(value)
        except TypeError:
            return False
    return True


def words(hint: Any, many: bool = False) -> str:
    """Return what an annotation asks for, in words; plural if ``many``."""
    kind, inner = get_origin(hint), get_args(hint)
    if kind is Literal:
        return _either([repr(each) for each in inner])
    if kind in (Union, UnionType):
        return _either([words(each, many) for each in inner])
    if kind is Annotated:
        return f"{words(inner[0], many)} of at least {inner[1].least}"
    if kind is None:
        called: tuple[str, str] = _KINDS.get(hint, (hint, f"a {hint.__name__}", f"{hint.__name__}s"))[1:]
        return called[many]
    return "a dict" if issubclass(kind, Mapping) else f"a list of {words(inner[0], many=True)}"


def _either(choices: list[str]) -> str:
    return " or ".join([", ".join(choices[:-1]), choices[-1]] if choices[1:] else choices)
