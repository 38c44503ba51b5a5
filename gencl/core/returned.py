"""What other people's code returns, looked at where it returns it: the message names them, and not a line of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gencl.core.errors import GenclError


def returned(value: Any, fits: Callable[[Any], bool], who: str, wanted: str) -> Any:
    """Return the value where it ``fits``. Raises GenclError that says who gave what, and what was ``wanted``."""
    if not fits(value):
        shown = " ".join(f"{value!r}".split())
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        raise GenclError(f"{who} returned {type(value).__name__} {shown}; it must return {wanted}")
    return value


def all_of(kind: type) -> Callable[[Any], bool]:
    """Return whether a value is a list of at least one of this kind."""
    return lambda value: (
        isinstance(value, list | tuple) and bool(value) and all(isinstance(item, kind) for item in value)
    )
