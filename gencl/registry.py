"""Explicit registries: a name, where the thing lives, and one line about it.

Entries name their target as ``module:attribute`` and are imported only when asked for, so that listing
names costs nothing. A plug-in package adds entries through an entry point of the registry's group.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from gencl.errors import UsageError

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True)
class Entry:
    """One registered thing: ``target`` is ``module:attribute``, ``about`` one line for people."""

    target: str
    about: str


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns ``"; did you mean X?"`` for the nearest known names, or the list of all where none is near."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if near:
        return f"; did you mean {', '.join(near[:-1])}{' or ' if near[1:] else ''}{near[-1]}?"
    return f"; there are: {', '.join(known)}" if known else ""


class Registry:
    """Names of one kind (methods, data sets, ...) and what they stand for.

    Args:
        noun: what an entry is called in messages, for example ``"method"``.
        entries: name -> (``module:attribute``, one line about it).
        group: entry-point group through which installed packages add more, or None.
    """

    def __init__(self, noun: str, entries: Mapping[str, tuple[str, str]], group: str | None = None) -> None:
        self.noun = noun
        self._group = group
        self._entries: dict[str, Entry] = {}
        for name, (target, about) in entries.items():
            self.add(name, target, about)

    def add(self, name: str, target: str, about: str) -> None:
        """Registers ``name``. Raises ValueError for a name that is taken or not plain (a-z, 0-9, -, _)."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"{self.noun} name {name!r} must be made of a-z, 0-9, - and _")
        if name in self._entries:
            raise ValueError(f"{self.noun} {name!r} is already registered")
        self._entries[name] = Entry(target, about)

    def _load_plugins(self) -> None:
        group, self._group = self._group, None
        for point in entry_points(group=group) if group else ():
            if point.name not in self._entries:
                self.add(point.name, point.value, f"from {point.dist.name if point.dist else 'a plug-in'}")

    def __iter__(self) -> Iterator[str]:
        self._load_plugins()
        return iter(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in list(self)

    def about(self, name: str) -> str:
        """One line about ``name``."""
        return self._entries[self.check(name)].about

    def check(self, name: str) -> str:
        """Returns ``name`` if it is known; raises UsageError with the nearest names otherwise."""
        if name not in self:
            raise UsageError(f"no {self.noun} is called {name!r}{did_you_mean(name, self)}")
        return name

    def get(self, name: str) -> Any:
        """Imports and returns what ``name`` stands for."""
        module, _, attribute = self._entries[self.check(name)].target.partition(":")
        return getattr(import_module(module), attribute)
