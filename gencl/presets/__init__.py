"""Experiments by name: one YAML file each, whose first comment is the command that runs it.

Beside the keys of `gencl.core.settings.Settings` a preset has ``about``, one line about it, ``time``, the minutes that
a run takes on two cores, where that was measured, ``seeds``, the number of seeds that a comparison has where none are
named (five where a run takes less than a minute), and ``methods``, the settings tuned for each method on this
experiment (``methods: {ewc: {lambda: 3, train.lr: 0.1}}``; a key with a dot is set outside the method's block). Values
such as ``1.5x`` multiply what is there.
``methods: {like: mnist-cgan}`` takes those of another preset; a method named beside ``like`` has its own instead.

Which there are is told without importing what checks settings; `resolve` and its like come from
`gencl.presets.resolving` when they are first used.
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
    """The built-in presets, the default first."""
    return sorted((path.stem for path in FOLDER.glob("*.yaml")), key=lambda name: (name != DEFAULT, name))


def path_of(name: str) -> Path:
    """The file of a built-in preset, or ``name`` itself if it is a file. Raises UsageError with the nearest names."""
    if name in names():
        return FOLDER / f"{name}.yaml"
    if name.endswith((".yaml", ".yml")):
        return place(name)
    raise UsageError(f"no preset is called {name!r}{did_you_mean(name, names())}")


def about(name: str) -> str:
    """Return one line about a built-in preset, with the time that its runs take if it says so."""
    tree = yaml_files.load(path_of(name).read_text(encoding="utf-8"))
    minutes = tree.get("time")
    takes = "" if minutes is None else f" (about {duration(60 * minutes)} on two cores)"
    return f"{tree.get('about', '')}{takes}"
