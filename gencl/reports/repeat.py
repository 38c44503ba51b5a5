"""Reconstruct the commands that repeat a run or a comparison, from its settings."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gencl import presets
from gencl.core.assignments import written
from gencl.core.errors import UsageError
from gencl.core.files import printable
from gencl.core.settings import Settings
from gencl.methods.serving import default_baseline

LONGEST = 12
"""The most ``--set`` options in a command. With more, ``--config`` is easier to read."""


def train_command(settings: Settings) -> str:
    """Return the ``gencl train`` command that resolves to exactly these settings.

    If no preset with a few ``--set`` options does, the command uses ``--config config.yaml``.
    """
    overrides = assignments(settings, settings.method["name"])
    if overrides is None:
        return "gencl train --config config.yaml" + _data_root(settings.preset)
    words = ["gencl", "train", "--preset", settings.preset, "--method", settings.method["name"]]
    words += ["--seed", str(settings.seed)]
    return _joined(words, overrides) + _data_root(settings.preset)


def compare_command(
    labels: Sequence[str],
    seeds: Sequence[int],
    preset: str,
    settings: Settings | None,
    method_overrides: Sequence[str],
    baseline: str | None = None,
) -> str:
    """Return the ``gencl compare`` command for these methods and seeds.

    Args:
        settings: the settings of one cell; None assumes those of the preset.
        method_overrides: the assignments of that cell's variant.
        baseline: the label of the baseline. It is part of the command only if it is not the default.
    """
    overrides = assignments(settings, settings.method["name"], method_overrides) if settings is not None else []
    named = overrides is not None and preset in presets.names()
    words = ["gencl", "compare", *(["--preset", preset] if named else ["--config", "FILE"])]
    words += ["--methods", ",".join(labels), "--seeds", ",".join(map(str, seeds))]
    words += ["--baseline", baseline] if baseline not in (None, default_baseline(labels)) else []
    return _joined(words, overrides or []) + _data_root(preset)


def assignments(settings: Settings, method: str, method_overrides: Sequence[str] = ()) -> list[str] | None:
    """Return the ``--set`` assignments that lead from the preset, the method and ``method_overrides`` to ``settings``.

    Returns None if the preset is not built in, if no assignments lead there, or if more than `LONGEST` are needed.
    """
    if settings.preset not in presets.names():
        return None
    try:
        base = presets.resolve(settings.preset, None, method, settings.seed, method_overrides)
        overrides = [f"{key}={written(value)}" for key, value in _changes(base.tree(), settings.tree())]
        repeated = presets.resolve(settings.preset, None, method, settings.seed, [*overrides, *method_overrides])
    except UsageError:
        return None
    return overrides if repeated.tree() == settings.tree() and len(overrides) <= LONGEST else None


def _changes(base: Mapping[str, Any], tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), Mapping):
            yield from _changes(base[key], value, f"{prefix}{key}.")
        elif key not in base or base[key] != value:
            yield f"{prefix}{key}", value


def _joined(words: Sequence[str], sets: Sequence[str]) -> str:
    return printable(shlex.join([*words, *(word for text in sets for word in ("--set", text))]))


def _data_root(preset: str) -> str:
    """Return the option ``--data-root DIR`` if the first line of the built-in preset's file shows it, else nothing."""
    if preset not in presets.names():
        return ""
    first = presets.path_of(preset).read_text(encoding="utf-8").splitlines()[0]
    return " --data-root DIR" if "--data-root" in first else ""
