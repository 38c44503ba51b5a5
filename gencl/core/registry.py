"""Explicit registries: a name, where the thing lives, and one line about it.

Entries name their target as ``module:attribute`` and are imported only when asked for, so that listing
names costs nothing. An installed package adds entries through an entry point of the registry's group, a file of the
user's through `gencl.plugins.load_plugin`.
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

    ``target`` is ``module:attribute``, or the thing itself; ``about`` one line for people; ``serves`` a word for what
    it can serve, where not all; ``source`` the plug-in that it is from (a file's name, a package), empty for what gencl
    brings.
    """

    target: Any
    about: str
    serves: str = ""
    source: str = ""


def parts_of(name: str) -> list[str]:
    """The names that ``name`` joins by ``+``: a plus joins where a name follows it, so that names may end in ``++``.

    ``"der+++align"`` -> ["der++", "align"], ``"align+der++"`` -> ["align", "der++"].
    """
    return re.split(r"\+(?=[^+])", name)


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """Returns ``"; did you mean X?"`` for the nearest of ``choices``, or the list of all where none is near."""
    names = sorted(choices)
    near = difflib.get_close_matches(name, names, n=4, cutoff=0.6)
    if near:
        return f"; did you mean {', '.join(near[:-1])}{' or ' if near[1:] else ''}{near[-1]}?"
    return f"; there are: {', '.join(names)}" if names else ""


class Registry:
    """Names of one kind (methods, data sets, ...) and what they stand for.

    Args:
        noun: what an entry is called in messages, for example ``"method"``.
        entries: name -> (``module:attribute``, one line about it), perhaps with a word for what it serves.
        group: entry-point group through which installed packages add more, or None.
        check: ``module:function`` that says what is wrong with a thing under a name, or nothing; imported when
            somebody else's thing is looked at.
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
        """Registers ``name``. Raises ValueError for a name that is taken or not plain (a-z, 0-9, -, _; ++ at its
        end)."""
        problem = self._refusal(name)
        if problem:
            raise ValueError(problem)
        self._entries[name] = Entry(target, about, serves, source)

    def refusal(self, name: object) -> str:
        """Why ``name`` cannot be registered beside all that there is; nothing where it can."""
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
        """What is wrong with ``thing`` as an entry ``name``, in words; nothing where all is right."""
        if not self._check:
            return ""
        module, _, function = self._check.partition(":")
        return str(getattr(import_module(module), function)(name, thing))

    def remove(self, name: str) -> None:
        """Takes an entry out again."""
        del self._entries[name]

    def _load_plugins(self) -> None:
        """Adds what packages offer; what cannot be added is left out, and said, since others' names must go on."""
        if self._searched or self.group is None:
            return
        self._searched = True
        for point in sorted(entry_points(group=self.group), key=lambda point: (point.name, point.value)):
            source = point.dist.name if point.dist else "a plug-in"
            problem = self._refusal(point.name)
            if problem:
                from gencl.core.waiting import say  # imports torch: names are listed without it

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
        """One line about ``name``."""
        return self._entries[self.check(name)].about

    def serves(self, name: str) -> str:
        """A word for what ``name`` serves; empty where that is all."""
        return self._entries[self.check(name)].serves

    def source(self, name: str) -> str:
        """The plug-in that ``name`` is from (a file's name, a package); empty for what gencl brings."""
        return self._entries[self.check(name)].source

    def check(self, name: str) -> str:
        """Returns ``name`` if it is known; raises UsageError with the nearest names otherwise."""
        if name not in self:
            raise UsageError(f"no {self.noun} is called {name!r}{did_you_mean(name, self)}{self._more()}")
        return name

    def _more(self) -> str:
        """Where further names may come from."""
        return "" if self.group is None else " (--plugin FILE adds your own)"

    def get(self, name: str) -> Any:
        """Imports and returns what ``name`` stands for. Raises GenclError where a plug-in's is not what it should
        be."""
        entry = self._entries[self.check(name)]
        if not isinstance(entry.target, str):
            return entry.target
        module, _, attribute = entry.target.partition(":")
        if not entry.source:
            return getattr(import_module(module), attribute)
        where = f"{self.noun} {name!r} of the package {entry.source} ({entry.target})"
        try:
            imported = attrgetter(attribute)(import_module(module))
        except Exception as error:  # whatever happens in a package of somebody else's
            raise GenclError(f"{where} cannot be imported: {type(error).__name__}: {error}") from error
        wrong = self.problem(name, imported)
        if wrong:
            raise GenclError(f"{where}: {wrong}")
        self._entries[name] = replace(entry, target=imported)  # looked at once
        for slip in slips(imported):
            from gencl.core.waiting import say

            say(f"gencl: {where}: {slip}")
        return imported
