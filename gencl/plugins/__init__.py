"""Plug-ins: methods, learners, data sets and so on from a user's Python file, registered beside the built-in ones.

The file ends with a table of what it provides. Its groups are also the entry-point groups of installed packages::

    PLUGINS = {"methods": {"decay": Decay}, "metrics": {"sharpness": Sharpness}}

A file runs only if the user passes it (``--plugin``, `load_plugin`), never because a run's directory names it.
A run records which plug-ins it needs (`gencl.plugins.needed`), and gencl reports those that are missing.
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
    """A loaded plug-in file: the checksum of its content, its module's name, and (group, name) of all it provides."""

    sha256: str
    module: str
    names: list[tuple[str, str]]


_LOADED: dict[Path, _Loaded] = {}


def registries() -> dict[str, Registry]:
    """Return all registries by their group, as entry points and ``PLUGINS`` name it."""
    by_group = {}
    for group, target in _REGISTRIES.items():
        module, _, attribute = target.partition(":")
        by_group[group] = getattr(import_module(module), attribute)
    return by_group


@checked
def load_plugin(path: str | Path) -> None:
    """Run a plug-in file and register what its ``PLUGINS`` names, as ``--plugin`` does.

    A loaded file is not run again unless it changed; then the new version replaces the old one.
    Raises UsageError with the file and line of an error. In that case nothing is registered or replaced.
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
            from gencl.core.waiting import say  # not at the top: listing names must stay fast

            say(f"{_at(shown, ast.parse(source), thing_name, thing)}: {groups[group].noun} {thing_name!r}: {slip}")


def unload_plugin(path: str | Path) -> None:
    """Unregister all that a file provides. Does nothing if the file is not loaded."""
    loaded = _LOADED.pop(place(path).resolve(), None)
    if loaded is not None:
        groups = registries()
        for group, name in loaded.names:
            groups[group].remove(name)
        sys.modules.pop(loaded.module, None)


def loaded_files() -> dict[Path, str]:
    """Return the loaded files, in the order loaded, with the SHA-256 of their contents."""
    return {path: loaded.sha256 for path, loaded in _LOADED.items()}


def arguments() -> list[str]:
    """Return the command-line options that load the same plug-in files in another gencl process."""
    return [text for path in _LOADED for text in ("--plugin", str(path))]


def place_of(error: BaseException) -> str:
    """Return where in a plug-in file an error arose, such as ``" in decay.py, line 12"``.

    If it arose elsewhere, its cause may still be what a plug-in made, such as layers of wrong sizes: return the loaded
    plug-ins, or "" if there are none.
    """
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename) in _LOADED:
            return f" in {printable(Path(frame.filename).name)}, line {frame.lineno}"
    nouns = {group: registry.noun for group, registry in registries().items()}
    files = (
        f"{', '.join(f'{nouns[group]} {name}' for group, name in loaded.names)} of {printable(path.name)}"
        for path, loaded in _LOADED.items()
    )
    return f", perhaps because of {'; '.join(files)}" if _LOADED else ""


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
    """Run the source as a module. Raises UsageError, with one line of text, for whatever it raises."""
    try:
        exec(compile(source, str(module.__file__), "exec"), module.__dict__)
    except SyntaxError as error:
        raise UsageError(f"plug-in {shown}, line {error.lineno}: {error.msg}") from error
    except (Exception, SystemExit) as error:  # a user's file may raise anything
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == module.__file__]
        text = " ".join(str(error).split())[:300]
        line = f", line {frames[-1].lineno}" if frames else ""
        raise UsageError(f"plug-in {shown}{line}: {type(error).__name__}: {text}") from error


def _provided(
    module: ModuleType, source: str, shown: str, replaced: Collection[tuple[str, str]]
) -> list[tuple[str, str, Any, str]]:
    """Return a checked list of what ``PLUGINS`` names: (group, name, thing, one line about it).

    ``replaced`` holds each (group, name) that may be registered again. Raises UsageError with file and line.
    """
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
    """Return the first line of the docstring of ``thing``."""
    return (inspect.getdoc(thing) or "not described").splitlines()[0].rstrip(".")


def _serves(thing: Any) -> str:
    """Return the word for the first capability that a method needs; "" if it needs none, and for other things."""
    return next((need.word for need in getattr(thing, "needs", ())), "")


def _at(shown: str, tree: ast.Module, name: object = None, thing: Any = None) -> str:
    """Return, for messages, the file and line where a thing is defined, or otherwise where ``PLUGINS`` names it."""
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
