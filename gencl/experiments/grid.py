"""Which values a search tries: as a method says, or as --grid says."""

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
"""The sections that may be searched; the others change what is measured."""
RATE = "train.lr"
RATES = ("0.4x", "1x", "2.5x")
"""Learning rates that are tried with every method, as factors on the experiment's own."""


def path_of(method: str, key: str) -> str:
    """Where a key of a grid stands in the settings of a run: ``lambda`` -> ``method.lambda``."""
    section = key.split(".", maxsplit=1)[0]
    return key if section in _GENERAL and section not in parts_of(method) else f"method.{key}"


def parse_grid(text: str) -> tuple[str, list[Any]]:
    """``"lambda=0.1,1"`` -> ("lambda", [0.1, 1]). Commas within brackets separate nothing. Raises UsageError."""
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
    """The grids of the method's parts, and the learning rate, which is searched for every method."""
    grids = {_key_of(method, p, key): list(v) for p in parts_of(method) for key, v in METHODS.get(p).grid.items()}
    return {**grids, RATE: list(RATES)}


def meant(key: str, methods: Sequence[str], text: str) -> list[tuple[str, str]]:
    """The methods that a ``--grid`` is for, with their key for it."""
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
