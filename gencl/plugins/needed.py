"""Which plug-ins a run needs. config.yaml and model.json record them, and gencl reports those that are missing.

A record is ``{source: [thing, ...]}``, such as ``{"decay.py": ["method decay"]}``. A source that ends in ``.py`` is a
plug-in file that the user passes; any other is an installed package.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from gencl.core.errors import UsageError
from gencl.core.files import printable
from gencl.core.registry import NAME, parts_of
from gencl.plugins import loaded_files, registries

Needed = Mapping[str, Sequence[str]]


def needed(tree: object) -> dict[str, list[str]]:
    """Return a record of the registered plug-ins that a tree of settings needs.

    Settings do not name metrics, so all metrics of plug-ins are included except those measured on request only.
    """
    named = set(_words(tree))
    by_source: dict[str, list[str]] = {}
    for group, registry in registries().items():
        for name in registry:
            source = registry.source(name)
            if source and (name in named or (group == "metrics" and registry.get(name).when != "on request")):
                by_source.setdefault(source, []).append(f"{registry.noun} {name}")
    return by_source


def checksums(record: Needed) -> dict[str, str]:
    """Return the SHA-256 of each file in a record that is loaded in this process."""
    loaded = {path.name: sha256 for path, sha256 in loaded_files().items()}
    return {source: loaded[source] for source in record if source in loaded}


def of_groups(record: Needed, groups: Collection[str]) -> dict[str, list[str]]:
    """Return the part of a record that belongs to these groups (`gencl.plugins.registries`)."""
    nouns = {registry.noun for group, registry in registries().items() if group in groups}
    parts = {source: [t for t in things if t.rpartition(" ")[0] in nouns] for source, things in record.items()}
    return {source: things for source, things in parts.items() if things}


def require(record: Needed, where: object, groups: Collection[str] | None = None) -> None:
    """Raise UsageError if a plug-in of the record is missing, or if the record is malformed.

    The message names ``where`` it is needed, the plug-in and how to provide it. ``groups`` limits the check.
    """
    try:
        check_record(record)
    except ValueError as error:
        raise UsageError(printable(f"{where}: plugins: {error}")) from None
    every = registries()
    by_noun = {registry.noun: registry for registry in every.values()}
    for source, things in of_groups(record, every if groups is None else groups).items():
        missing = [thing for thing in things if thing.rpartition(" ")[2] not in by_noun[thing.rpartition(" ")[0]]]
        if missing:
            how = (
                f"add --plugin PATH/{source} (in Python: gencl.load_plugin)"
                if source.endswith(".py")
                else f"install the package {source}"
            )
            raise UsageError(printable(f"{where} needs the plug-in {source} ({', '.join(missing)}): {how}"))


def _words(tree: object) -> Iterator[str]:
    """Yield all strings in the values of a tree; names joined by ``+`` are split."""
    if isinstance(tree, str):
        yield from parts_of(tree)
    inner: Any = tree.values() if isinstance(tree, Mapping) else tree if isinstance(tree, list | tuple) else ()
    for value in inner:
        yield from _words(value)


def check_record(record: Needed) -> Needed:
    """Return the record unchanged. Raises ValueError if it names something that `needed` cannot return."""
    nouns = "|".join(registry.noun for registry in registries().values())
    for source, things in record.items():
        wrong = next((thing for thing in things if not re.fullmatch(f"({nouns}) {NAME}", thing)), None)
        if wrong is not None:
            raise ValueError(f"{source}: {wrong!r} is nothing a plug-in provides; write such as 'method decay'")
    return record
