"""A user's own parts from a plain Python file, registered under the user's names beside what gencl brings.

The file says at its end what it provides, by the groups that entry points of installed packages have too::

    PLUGINS = {"methods": {"decay": Decay}, "metrics": {"sharpness": Sharpness}}

A file runs when the user passes it (``--plugin``, `load_plugin`), never because a run's directory names it: a run
records which plug-ins it needs (`gencl.plugins.needed`), and says so where they are missing.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import traceback
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from gencl.core.arguments import checked
from gencl.core.errors import UsageError
from gencl.core.files import place, printable
from gencl.core.hooks import slips
from gencl.core.registry import Registry, did_you_mean

_REGISTRIES = {
    "methods": "gencl.methods:METHODS",
    "learners": "gencl.learners:LEARNERS",
    "datasets": "gencl.datasets:DATASETS",
    "scenarios": "gencl.scenarios:SCENARIOS",
    "metrics": "gencl.metrics:METRICS",
    "extractors": "gencl.metrics:EXTRACTORS",
}
_EXAMPLE = 'PLUGINS = {"methods": {"decay": Decay}}'


@dataclass(frozen=True)
class _Loaded:
    """A file that has run: its content's checksum, and the names it provides, by group."""

    sha256: str
    module: str
    names: list[tuple[str, str]]


_LOADED: dict[Path, _Loaded] = {}


def registries() -> dict[str, Registry]:
    """All registries, by the group that entry points and ``PLUGINS`` name."""
    by_group = {}
    for group, target in _REGISTRIES.items():
        module, _, attribute = target.partition(":")
        by_group[group] = getattr(import_module(module), attribute)
    return by_group


@checked
def load_plugin(path: str | Path) -> None:
    """Runs a plug-in file and registers what its ``PLUGINS`` names; the Python form of ``--plugin``.

    A file that has run already and was not changed since is left alone; one that was changed replaces what it was.
    Raises UsageError naming the file and the line of what is wrong, and then all stays as it was.
    """
    file = place(path)
    shown = printable(file)
    source = _read(file, shown)
    key, sha256 = file.resolve(), hashlib.sha256(source.encode()).hexdigest()
    if key in _LOADED and _LOADED[key].sha256 == sha256:
        return
    before = _LOADED.get(key)
    name = f"gencl_plugin_{hashlib.sha256(f'{key} {sha256}'.encode()).hexdigest()[:8]}_{file.stem}"
    module = ModuleType(name)
    module.__file__ = str(key)
    sys.modules[name] = module  # dataclasses and pydantic look it up there
    try:
        _run(source, module, shown)
        provided = _provided(module, source, shown, before.names if before else ())
    except BaseException:
        del sys.modules[name]
        raise
    unload_plugin(key)
    groups = registries()
    for group, thing_name, thing, about in provided:
        groups[group].add(thing_name, thing, f"{about} ({file.name})", _serves(thing), file.name)
    _LOADED[key] = _Loaded(sha256, name, [(group, thing_name) for group, thing_name, _, _ in provided])
    for group, thing_name, thing, _ in provided:
        for slip in slips(thing):
            from gencl.core.waiting import say  # imports torch: names are listed without it

            say(f"{_at(shown, ast.parse(source), thing_name, thing)}: {groups[group].noun} {thing_name!r}: {slip}")


def unload_plugin(path: str | Path) -> None:
    """Takes out what a file has registered; nothing happens where it was not loaded."""
    loaded = _LOADED.pop(place(path).resolve(), None)
    if loaded is not None:
        groups = registries()
        for group, name in loaded.names:
            groups[group].remove(name)
        sys.modules.pop(loaded.module, None)


def loaded_files() -> dict[Path, str]:
    """The files that have run, in this order, and the checksums of their contents."""
    return {path: loaded.sha256 for path, loaded in _LOADED.items()}


def arguments() -> list[str]:
    """The options that give another process of gencl the same plug-ins."""
    return [text for path in _LOADED for text in ("--plugin", str(path))]


def place_of(error: BaseException) -> str:
    """Where in a plug-in file an error arose, such as ``" in decay.py, line 12"``; empty for any other."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename) in _LOADED:
            return f" in {printable(Path(frame.filename).name)}, line {frame.lineno}"
    return ""


def _read(file: Path, shown: str) -> str:
    if file.suffix != ".py":
        raise UsageError(f"plug-in {shown}: name a Python file, such as my.py")
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"plug-in {shown}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"plug-in {shown}: cannot be read: {error}") from None


def _run(source: str, module: ModuleType, shown: str) -> None:
    """Runs the file as a module; whatever it raises is told in one line."""
    try:
        exec(compile(source, str(module.__file__), "exec"), module.__dict__)
    except SyntaxError as error:
        raise UsageError(f"plug-in {shown}, line {error.lineno}: {error.msg}") from error
    except (Exception, SystemExit) as error:  # whatever a user's file does
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == module.__file__]
        text = " ".join(str(error).split())[:300]
        line = f", line {frames[-1].lineno}" if frames else ""
        raise UsageError(f"plug-in {shown}{line}: {type(error).__name__}: {text}") from error


def _provided(
    module: ModuleType, source: str, shown: str, replaced: Collection[tuple[str, str]]
) -> list[tuple[str, str, Any, str]]:
    """What ``PLUGINS`` names, checked: (group, name, thing, one line about it) each. Names that are ``replaced``, with
    their groups, are free."""
    tree = ast.parse(source)
    table = getattr(module, "PLUGINS", None)
    if table is None:
        raise UsageError(f"plug-in {shown}: says not what it provides; end it with a line such as {_EXAMPLE}")
    if not isinstance(table, Mapping) or not all(isinstance(part, Mapping) for part in table.values()):
        raise UsageError(f"{_at(shown, tree)}: PLUGINS must name things by group, such as {_EXAMPLE}")
    groups, provided = registries(), []
    for group, things in table.items():
        if group not in groups:
            hint = did_you_mean(str(group), groups)
            raise UsageError(f"{_at(shown, tree, group)}: PLUGINS has no group {group!r}{hint}")
        registry = groups[group]
        for name, thing in things.items():
            wrong = "" if (group, name) in replaced else registry.refusal(name)
            if wrong:
                raise UsageError(f"{_at(shown, tree, name)}: {wrong}")
            wrong = registry.problem(name, thing)
            if wrong:
                raise UsageError(f"{_at(shown, tree, name, thing)}: {registry.noun} {name!r}: {wrong}")
            provided.append((str(group), name, thing, _about(thing)))
    if not provided:
        raise UsageError(f"{_at(shown, tree)}: PLUGINS is empty; name something, such as {_EXAMPLE}")
    return provided


def _about(thing: Any) -> str:
    """The first line of its documentation."""
    return (inspect.getdoc(thing) or "not described").splitlines()[0].rstrip(".")


def _serves(thing: Any) -> str:
    """Of a method, the word of what it needs."""
    return next((need.word for need in getattr(thing, "needs", ())), "")


def _at(shown: str, tree: ast.Module, name: object = None, thing: Any = None) -> str:
    """The file and the line where a thing is defined, or else where ``PLUGINS`` names it."""
    called = getattr(thing, "__name__", None)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == called:
            return f"plug-in {shown}, line {node.lineno}"
    line = 1
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "PLUGINS" and isinstance(node.ctx, ast.Store):
            line = max(line, node.lineno)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value == name and node.lineno >= line and name is not None:
            return f"plug-in {shown}, line {node.lineno}"
    return f"plug-in {shown}, line {line}"
