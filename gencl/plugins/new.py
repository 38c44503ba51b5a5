"""Create a new plug-in file and its test from templates."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Literal

from jinja2 import Environment, PackageLoader

from gencl.core import files
from gencl.core.errors import UsageError
from gencl.plugins import registries

Kind = Literal["method", "learner", "generator", "dataset", "scenario", "metric"]
_REGISTERED = {"generator": "learner"}
"""What a kind is registered as, if not under its own name."""


def new_plugin(kind: Kind, name: str, out: str | Path | None = None) -> tuple[Path, Path]:
    """Write a working plug-in file that registers ``name``, and a test beside it; return both paths.

    Args:
        kind: what the plug-in provides.
        name: the name to register it under.
        out: the file to write; default NAME.py in the current folder, with ``_`` for ``-``.

    Raises UsageError for an invalid or taken name, a file name that is no .py file or hides a module of Python,
    a missing folder, or a file that already exists.
    """
    problem = registries()[f"{_REGISTERED.get(kind, kind)}s"].refusal(name)
    if problem:
        raise UsageError(problem)
    plain = name.replace("-", "_").replace("+", "")
    path = files.place(out) if out is not None else Path(f"{plain}.py")
    if path.suffix != ".py":
        raise UsageError(f"--out {path}: give a name that ends in .py")
    if path.stem in sys.stdlib_module_names or _installed(path.stem):
        raise UsageError(
            f"{path}: Python has a module {path.stem}, which a file of this name would hide from all that is started "
            f"in its folder; name it otherwise, such as --out {path.with_name(f'my_{path.name}')}"
        )
    if not path.parent.is_dir():
        raise UsageError(f"--out {path}: there is no folder {path.parent}")
    test = path.with_name(f"test_{path.name}")
    taken = next((file for file in (path, test) if file.exists()), None)
    if taken is not None:
        raise UsageError(f"{taken} exists already; choose another name or --out")
    words = "".join(word.capitalize() for word in plain.split("_"))
    told = {
        "name": name,
        "kind": words if words.isidentifier() else f"{kind.capitalize()}{words}",
        "file": path.name,
        "test": test.name,
    }
    environment = Environment(loader=PackageLoader("gencl.plugins"), keep_trailing_newline=True)
    for file, template in ((path, f"{kind}.py.j2"), (test, f"test_{kind}.py.j2")):
        files.write(file, environment.get_template(template).render(told))
    return path, test


def _installed(name: str) -> bool:
    """Return whether a module of this name can be imported from elsewhere than the current folder."""
    return PathFinder.find_spec(name, [place for place in sys.path if place not in ("", str(Path.cwd()))]) is not None
