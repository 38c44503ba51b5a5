"""Checks of plug-in classes: overridden hooks that gencl cannot call and method names that look like misspelt hooks."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator
from types import FunctionType
from typing import Any

_ALIKE = 0.8
"""Similarity from which a name counts as a misspelt hook: ``after_taks`` and ``after_task`` have 0.9."""


def call_problem(thing: type) -> str:
    """Return which hook of a class gencl cannot call and what to write instead, or "" if it can call all.

    Additional arguments with defaults are allowed.
    """
    for name in _public(_theirs(thing)):
        hook = next((vars(kind)[name] for kind in _ours(thing) if name in vars(kind)), None)
        if not _is_function(hook):
            continue
        member, bound = inspect.getattr_static(thing, name), isinstance(hook, FunctionType)
        wanted = _write(name, hook)
        if not _is_function(member):  # other callables and descriptors are not checked
            if not callable(member) and not hasattr(member, "__get__"):
                return f"{thing.__name__}.{name} is no function; write {wanted}"
        elif not _takes(member, hook, bound):
            given = ", ".join(inspect.signature(_function(member)).parameters)
            return f"{thing.__name__}.{name}({given}) cannot be called as gencl calls it; write {wanted}"
    return ""


def made_problem(thing: type, arguments: tuple[str, ...]) -> str:
    """Return what is wrong if the class cannot be constructed from these positional arguments, or "" if it can."""
    try:
        inspect.signature(thing).bind(*arguments)
    except TypeError:
        wanted = ", ".join(["self", *arguments])
        return f"{thing.__name__} cannot be made as gencl makes it; write def __init__({wanted})"
    except ValueError:  # the signature cannot be read
        return ""
    return ""


def slips(thing: Any) -> Iterator[str]:
    """Yield a warning for each method that looks like a misspelt hook.

    Its name is close to that of a hook that the class does not override, it takes the hook's arguments, and the class
    does not call it.
    """
    if not isinstance(thing, type):
        return
    named = [name for name in _public(_theirs(thing)) if _is_function(inspect.getattr_static(thing, name))]
    inherited = {name for kind in _ours(thing) for name in dir(kind)}
    free = [name for name in _public(_ours(thing)) if name not in named]
    hooks = [name for name in free if _is_function(inspect.getattr_static(thing, name))]
    for name in named:
        near = difflib.get_close_matches(name, hooks, 1, _ALIKE)
        if not near or name in inherited or name in _called(thing):
            continue
        member, hook = (inspect.getattr_static(thing, which) for which in (name, near[0]))
        if _takes(member, hook, isinstance(hook, FunctionType)):
            yield f"{thing.__name__}.{name} is not called by gencl; if the hook {near[0]} is meant, rename it"


def _called(thing: type) -> set[str]:
    """Return the names that the functions of the class, and of its bases in plug-ins, refer to."""
    members = [_function(member) for kind in _theirs(thing) for member in vars(kind).values() if _is_function(member)]
    return {name for member in members if isinstance(member, FunctionType) for name in member.__code__.co_names}


def _ours(thing: type) -> list[type]:
    return [kind for kind in thing.__mro__ if _package(kind.__module__) == _package(__name__)]


def _theirs(thing: type) -> list[type]:
    """Return the class and its bases up to the first class of gencl."""
    until = next((place for place, kind in enumerate(thing.__mro__) if kind in _ours(thing)), 0)
    return list(thing.__mro__[:until])


def _package(module: str) -> str:
    return module.partition(".")[0]


def _public(kinds: list[type]) -> list[str]:
    """Return the public names that the classes define, except nested classes."""
    names = (name for kind in kinds for name, member in vars(kind).items() if not isinstance(member, type))
    return list(dict.fromkeys(name for name in names if not name.startswith("_")))


def _is_function(member: object) -> bool:
    return isinstance(member, FunctionType | staticmethod | classmethod)


def _function(member: Any) -> Any:
    return getattr(member, "__func__", member)


def _parameters(hook: Any) -> list[inspect.Parameter]:
    """Return the parameters of a hook without ``self`` or ``cls``."""
    every = list(inspect.signature(_function(hook)).parameters.values())
    return every if isinstance(hook, staticmethod) else every[1:]


def _takes(member: Any, hook: Any, bound: bool) -> bool:
    """Return whether a member takes the hook's arguments, both with and without the optional ones.

    ``bound``: the hook is called on an instance.
    """
    try:
        signature = inspect.signature(_function(member))
    except ValueError:  # a function in C without a signature
        return True
    itself = [None] if isinstance(member, classmethod) or (bound and isinstance(member, FunctionType)) else []
    given = [each for each in _parameters(hook) if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    by_place = [each for each in given if each.kind is not each.KEYWORD_ONLY]
    needed = [each for each in given if each.default is each.empty]
    first = [each for each in by_place if each in needed]
    for placed, passed in ((first, needed), (first, given), (by_place, given)):
        named = {each.name: None for each in passed if each not in placed}
        try:
            signature.bind(*itself, *placed, **named)
        except TypeError:
            return False
    return True


def _write(name: str, hook: Any) -> str:
    """Return the ``def`` line that an override of the hook should have."""
    mark = {staticmethod: "@staticmethod ", classmethod: "@classmethod "}.get(type(hook), "")
    own: list[str] = {staticmethod: [], classmethod: ["cls"]}.get(type(hook), ["self"])
    given = [str(each.replace(annotation=each.empty)) for each in _parameters(hook)]
    return f"{mark}def {name}({', '.join([*own, *given])})"
