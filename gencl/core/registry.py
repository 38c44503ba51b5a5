"""Registries of methods, data sets and so on. An entry has a name, a target and one line about it.

A target is ``module:attribute`` and is imported only when it is used, so that listing names is fast. An installed
package adds entries through an entry point of the registry's group, a user's file through `gencl.plugins.load_plugin`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import entry_points
from operator import attrgetter
from typing import Any

from gencl.core.errors import GenclError, UsageError
from gencl.core.hooks import slips

NAME = r"[a-z0-9][a-z0-9_-]*(?:\+\+)?"


@dataclass(frozen=True)
class Entry:
    """One registered thing.

    Args:
        target: ``module:attribute``, or the thing itself.
        about: one line for people.
        serves: a word for what it works with, empty if that is everything.
        source: the file name or package of the plug-in that it comes from, empty if built in.
    """

    target: Any
    about: str
    serves: str = ""
    source: str = ""


def parts_of(name: str) -> list[str]:
    """Split a composed name such as ``ewc+align`` into its names.

    Only a plus before a name splits, since names may end in ``++``:
    ``"der+++align"`` -> ["der++", "align"], ``"align+der++"`` -> ["align", "der++"].
    """
    return re.split(r"\+(?=[^+])", name)


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """Return ``"; did you mean X?"`` with the nearest of ``choices``, or a list of all choices if none is near."""
    names = sorted(choices)
    near = difflib.get_close_matches(name, names, n=4, cutoff=0.6)
    if near:
        return f"; did you mean {', '.join(near[:-1])}{' or ' if near[1:] else ''}{near[-1]}?"
    return f"; there are: {', '.join(names)}" if names else ""


class Registry:
    """The registered things of one kind (methods, data sets, ...), by name.

    Args:
        noun: the word for an entry in messages, for example ``"method"``.
        entries: name -> (``module:attribute``, one line about it), optionally followed by `Entry.serves`.
        group: entry-point group through which installed packages add entries, or None.
        check: ``module:function`` that takes a name and a thing and returns what is wrong with it, or "". It is
            imported when the first plug-in is checked.
    """

    def __init__(
        self, noun: str, entries: Mapping[str, tuple[str, ...]], group: str | None = None, check: str = ""
    ) -> None:
        self.noun, self.group, self._check = noun, group, check
        self._entries: dict[str, Entry] = {}
        self._searched = False
        for name, (target, *words) in entries.items():
            self.add(name, target, *words)

    def add(self, name: str, target: Any, about: str, serves: str = "", source: str = "") -> None:
        """Register ``name``. Raises ValueError for a name that is taken or malformed.

        A name is made of a-z, 0-9, - and _, and may end in ++.
        """
        problem = self._refusal(name)
        if problem:
            raise ValueError(problem)
        self._entries[name] = Entry(target, about, serves, source)

    def refusal(self, name: object) -> str:
        """Return why ``name`` cannot be registered beside all entries, including plug-ins, or "" if it can."""
        self._load_plugins()
        return self._refusal(name)

    def _refusal(self, name: object) -> str:
        if not isinstance(name, str) or not re.fullmatch(NAME, name):
            return f"the {self.noun}'s name {name!r} must be made of a-z, 0-9, - and _; it may end in ++"
        if name in self._entries:
            source = self._entries[name].source or "gencl"
            return f"the {self.noun}'s name {name!r} is taken by {source}; choose another"
        return ""

    def problem(self, name: str, thing: Any) -> str:
        """Return what is wrong with ``thing`` as an entry ``name``, or "" if nothing is."""
        if not self._check:
            return ""
        module, _, function = self._check.partition(":")
        return str(getattr(import_module(module), function)(name, thing))

    def remove(self, name: str) -> None:
        """Remove an entry."""
        del self._entries[name]

    def _load_plugins(self) -> None:
        """Add the entries of installed packages, once. Entries that cannot be added are skipped with a warning."""
        if self._searched or self.group is None:
            return
        self._searched = True
        for point in sorted(entry_points(group=self.group), key=lambda point: (point.name, point.value)):
            source = point.dist.name if point.dist else "a plug-in"
            problem = self._refusal(point.name)
            if problem:
                from gencl.core.waiting import say  # not at the top: listing names must stay fast

                say(f"gencl: of the package {source} something is left out: {problem}")
            else:
                self.add(point.name, point.value, f"from {source}", source=source)

    def __iter__(self) -> Iterator[str]:
        self._load_plugins()
        return iter(list(self._entries))

    def __contains__(self, name: object) -> bool:
        self._load_plugins()
        return name in self._entries

    def about(self, name: str) -> str:
        """Return one line about ``name``."""
        return self._entries[self.check(name)].about

    def serves(self, name: str) -> str:
        """Return a word for what ``name`` works with, or "" if that is everything."""
        return self._entries[self.check(name)].serves

    def source(self, name: str) -> str:
        """Return the file name or package of the plug-in that ``name`` comes from, or "" if it is built in."""
        return self._entries[self.check(name)].source

    def check(self, name: str) -> str:
        """Return ``name`` if it is registered. Raises UsageError with the nearest names otherwise."""
        if name not in self:
            raise UsageError(f"no {self.noun} is called {name!r}{did_you_mean(name, self)}{self._more()}")
        return name

    def _more(self) -> str:
        """Return a hint on how to add entries, for messages; "" if plug-ins cannot."""
        return "" if self.group is None else " (--plugin FILE adds your own)"

    def get(self, name: str) -> Any:
        """Import and return the thing registered as ``name``.

        Raises UsageError for an unknown name, GenclError if a package's thing cannot be imported or is invalid.
        """
        entry = self._entries[self.check(name)]
        if not isinstance(entry.target, str):
            return entry.target
        module, _, attribute = entry.target.partition(":")
        if not entry.source:
            return getattr(import_module(module), attribute)
        where = f"{self.noun} {name!r} of the package {entry.source} ({entry.target})"
        try:
            imported = attrgetter(attribute)(import_module(module))
        except Exception as error:  # a package may raise anything
            raise GenclError(f"{where} cannot be imported: {type(error).__name__}: {error}") from error
        wrong = self.problem(name, imported)
        if wrong:
            raise GenclError(f"{where}: {wrong}")
        self._entries[name] = replace(entry, target=imported)  # so that it is checked only once
        for slip in slips(imported):
            from gencl.core.waiting import say

            say(f"gencl: {where}: {slip}")
        return imported
