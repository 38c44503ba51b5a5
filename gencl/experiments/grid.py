"""The values that a search tries: each method's default grid, changed by ``--grid``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gencl.core import yaml_files
from gencl.core.brackets import divided
from gencl.core.errors import UsageError
from gencl.core.registry import did_you_mean, parts_of
from gencl.experiments.widen import Grid
from gencl.methods import METHODS

_GENERAL = ("train", "model")
"""The sections of the settings that may be searched. The others would change what is measured."""
RATE = "train.lr"
RATES = ("0.4x", "1x", "2.5x")
"""The learning rates to try with every method, as factors of the experiment's learning rate."""


def path_of(method: str, key: str) -> str:
    """Return the path of a grid's key in the settings of a run: ``lambda`` -> ``method.lambda``."""
    section = key.split(".", maxsplit=1)[0]
    return key if section in _GENERAL and section not in parts_of(method) else f"method.{key}"


def parse_grid(text: str) -> tuple[str, list[Any]]:
    """Parse a ``--grid`` option: ``"lambda=0.1,1"`` -> ("lambda", [0.1, 1]).

    Commas within brackets belong to a value. Raises UsageError if the text has another form.
    """
    key, equals, values = text.partition("=")
    key = key.strip().removeprefix("method.")
    if not equals or not all(key.split(".")):
        raise UsageError(f"--grid {text}: write KEY=V1,V2, for example --grid lambda=0.1,1,10")
    parts = [part.strip() for part in divided(values, ",")]
    if not all(parts):
        raise UsageError(f"--grid {text}: {'a value is missing' if any(parts) else 'it holds no values'}")
    try:
        return key, [yaml_files.load(part) for part in parts]
    except ValueError:
        raise UsageError(f"--grid {text}: {values!r} are not values that YAML understands") from None


def _settings_of(part: str) -> list[str]:
    fields = METHODS.get(part).Settings.model_fields
    return [field.alias or name for name, field in fields.items()]


def _key_of(method: str, part: str, key: str) -> str:
    return f"{part}.{key}" if len(parts_of(method)) > 1 else key


def defaults(method: str) -> Grid:
    """Return a method's default grid: the grids of its parts, and the learning rate."""
    grids = {_key_of(method, p, key): list(v) for p in parts_of(method) for key, v in METHODS.get(p).grid.items()}
    return {**grids, RATE: list(RATES)}


def meant(key: str, methods: Sequence[str], text: str) -> list[tuple[str, str]]:
    """Return the methods that a ``--grid`` option applies to, each with its key in the method's grid.

    Raises UsageError if the key fits none of ``methods``. ``text`` is the option, for the error message.
    """
    first, _, rest = key.partition(".")
    pairs = [(method, part) for method in methods for part in parts_of(method)]
    if rest and first in METHODS:
        if first not in {part for _, part in pairs}:
            raise UsageError(f"--grid {text}: {first} is not among --methods {','.join(methods)}")
        if rest.split(".")[0] in _GENERAL and "." in rest:
            return [(method, rest) for method, part in pairs if part == first]
        if rest not in _settings_of(first):
            raise UsageError(f"--grid {text}: {first} has no setting {rest}{did_you_mean(rest, _settings_of(first))}")
        return [(method, _key_of(method, part, rest)) for method, part in pairs if part == first]
    if rest:
        if first not in _GENERAL:
            raise UsageError(
                f"--grid {text}: {first} is neither a method nor one of {', '.join(_GENERAL)} (others change what is "
                "measured); write SETTING=..., METHOD.SETTING=... or train.lr=..."
            )
        return [(method, key) for method in methods]
    pairs_with_key = [(method, _key_of(method, part, key)) for method, part in pairs if key in _settings_of(part)]
    if not pairs_with_key:
        names = {name for _, part in pairs for name in _settings_of(part)}
        raise UsageError(f"--grid {text}: none of {', '.join(methods)} has a setting {key}{did_you_mean(key, names)}")
    return pairs_with_key
