"""Check what plug-ins return as soon as they return it, so that the error names the plug-in and not gencl's code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gencl.core.errors import GenclError


def returned(value: Any, fits: Callable[[Any], bool], who: str, wanted: str) -> Any:
    """Return the value if it ``fits``. Raises GenclError naming ``who`` returned what, and what was ``wanted``."""
    if not fits(value):
        shown = " ".join(f"{value!r}".split())
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        raise GenclError(f"{who} returned {type(value).__name__} {shown}; it must return {wanted}")
    return value


def all_of(kind: type) -> Callable[[Any], bool]:
    """Return a function that tells whether a value is a non-empty list or tuple of this type."""
    return lambda value: (
        isinstance(value, list | tuple) and bool(value) and all(isinstance(item, kind) for item in value)
    )
