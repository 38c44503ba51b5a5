"""Presets: named experiments, one YAML file each. The first comment of a file is the command that runs it.

A preset holds settings (`gencl.core.settings.Settings`) and these keys:
``about``: one line about it;
``time``: minutes that a run takes on two cores, if measured;
``seeds``: the default number of seeds of a comparison (five for short runs);
``methods``: settings tuned for each method, such as ``{ewc: {lambda: 3, train.lr: 0.1}}``. A key with a dot is set
outside the method's block. A value such as ``1.5x`` multiplies the present value. ``{like: mnist-cgan}`` takes over the
methods of another preset, except those listed beside ``like``.

Listing presets must stay fast, so `resolve` and others are imported from `gencl.presets.resolving` on first use.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gencl.core import yaml_files
from gencl.core.amounts import duration
from gencl.core.errors import UsageError
from gencl.core.files import place
from gencl.core.registry import did_you_mean

if TYPE_CHECKING:
    from gencl.presets.declared import value_at
    from gencl.presets.resolving import changed, default_seeds, methods_of, resolve

__all__ = [
    "DEFAULT", "FOLDER", "about", "changed", "default_seeds", "methods_of", "names", "path_of", "resolve", "value_at",
]  # fmt: skip

FOLDER = Path(__file__).parent
DEFAULT = "digits-cgan"


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'gencl.presets' has no attribute {name!r}")
    return getattr(import_module(f"gencl.presets.{'declared' if name == 'value_at' else 'resolving'}"), name)


def names() -> list[str]:
    """Return the names of the built-in presets, the default first."""
    return sorted((path.stem for path in FOLDER.glob("*.yaml")), key=lambda name: (name != DEFAULT, name))


def path_of(name: str) -> Path:
    """Return the path of a built-in preset, or ``name`` as a path if it ends in .yaml or .yml.

    Raises UsageError with the nearest names for anything else.
    """
    if name in names():
        return FOLDER / f"{name}.yaml"
    if name.endswith((".yaml", ".yml")):
        return place(name)
    raise UsageError(f"no preset is called {name!r}{did_you_mean(name, names())}")


def about(name: str, timed: bool = True) -> str:
    """Return one line about a built-in preset; ``timed``: with the time that a run takes, if the preset has it."""
    tree = yaml_files.load(path_of(name).read_text(encoding="utf-8"))
    minutes = tree.get("time") if timed else None
    takes = "" if minutes is None else f" (about {duration(60 * minutes)} on two cores)"
    return f"{tree.get('about', '')}{takes}"
