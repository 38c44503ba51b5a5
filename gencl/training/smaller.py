"""Finds smaller settings for networks that do not fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gencl import presets
from gencl.core.errors import UsageError
from gencl.core.settings import Settings

_TELLING = 0.98
"""A setting is not tried again if halving it leaves more than this share of the memory in use."""

Needed = Callable[[Settings], int | None]
"""Returns the bytes that training takes with given settings; None if they cannot be estimated."""


def smaller(settings: Settings, needed: Needed, free: int) -> dict[str, Any]:
    """Return changes of ``model.*`` and ``train.batch_size`` with which training takes at most ``free`` bytes.

    Each round halves the setting that saves most. The result maps settings to values, and is empty if nothing suffices.
    """
    changes: dict[str, Any] = {}
    idle: set[str] = set()
    while (now := needed(settings)) is not None and now > free:
        candidates = []
        for key, value in _halves(settings):
            size, changed = (None, settings) if key in idle else _tried(settings, key, value, needed)
            if size is None or size > _TELLING * now:
                idle.add(key)
            else:
                candidates.append((size, key, value, changed))
        if not candidates:
            return {}
        _, key, value, settings = min(candidates, key=lambda candidate: candidate[0])
        changes[key] = value
    return changes


def _tried(settings: Settings, key: str, value: Any, needed: Needed) -> tuple[int | None, Settings]:
    """Return the bytes needed with this change (None if it is not allowed), and the changed settings."""
    try:
        changed = presets.changed(settings, {key: value})
    except UsageError:
        return None, settings
    return needed(changed), changed


def _halves(settings: Settings) -> Iterator[tuple[str, Any]]:
    """Yield the batch size and each number in ``model.*``, halved, with its key."""
    yield "train.batch_size", settings.train.batch_size // 2
    yield from _halved("model", settings.model)


def _halved(prefix: str, block: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in block.items():
        key = f"{prefix}.{name}"
        if isinstance(value, Mapping):
            yield from _halved(key, value)
        elif isinstance(value, list) and value and all(isinstance(item, int) for item in value):
            yield key, [_half(item) for item in value]
        elif isinstance(value, int | float):
            yield key, _half(value)


def _half(value: float) -> float:
    """Return half of a number. From 8 on, a whole number becomes a multiple of 4, as layer widths often must be."""
    if isinstance(value, int):
        return value // 8 * 4 if value >= 8 else value // 2
    return value / 2
