"""Arguments of public functions, looked at where they come in: what has a wrong type is refused in one line.

An annotation says both what is taken and what the message tells, so that they cannot differ.
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
    """The least number that an argument may be, in its annotation."""

    least: int


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
"""What fits an annotation, and how it is called: one, and several."""


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Return the same function, which raises UsageError for an argument that does not fit its annotation."""
    signature = inspect.signature(function)
    hints = cache(
        lambda: get_type_hints(function, include_extras=True)
    )  # at the first call: they name what is imported later

    @wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> R:
        try:
            given = signature.bind(*args, **options).arguments
        except TypeError:  # Python says which argument is missing, or has no such name
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
    """Return the same class, whose public methods are `checked`."""
    for name, member in list(vars(kind).items()):
        if inspect.isfunction(member) and not name.startswith("_"):
            setattr(kind, name, checked(member))
    return kind


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is what an annotation says. True and False are no numbers, and a text is no list of texts."""
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
    """Whether an integer is one: arrays have the method, too."""
    if hint is int:
        try:
            operator.index(value)
        except TypeError:
            return False
    return True


def words(hint: Any, many: bool = False) -> str:
    """What an annotation asks for, in words."""
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
