"""Check what plug-ins return as soon as they return it, so that the error names the plug-in and not gencl's code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gencl.core.errors import GenclError


def returned(value: Any, fits: Callable[[Any], bool], who: str, wanted: str) -> Any:
    """Return the value if it ``fits``. Raises GenclError naming ``who`` returned what, and what was ``wanted``."""
    if not fits(value):
        raise GenclError(f"{who} returned {shown(value)}; it must return {wanted}")
    return value


def shown(value: Any) -> str:
    """Return a value as a message shows it: its type and text, shortened to one line; of an array its shape."""
    kind, shape = type(value).__name__, getattr(value, "shape", None)
    if isinstance(shape, tuple) and hasattr(value, "dtype"):
        return f"{kind} {value.dtype} of shape {tuple(shape)}"
    return f"{kind} {one_line(repr(value), 60)}"


def one_line(text: str, most: int = 80) -> str:
    """Return a text in one line of at most so many characters."""
    line = " ".join(text.split()) if "\n" in text else text
    return line if len(line) <= most else f"{line[: most - 3]}..."


def all_of(kind: type) -> Callable[[Any], bool]:
    """Return a function that tells whether a value is a non-empty list or tuple of this type."""
    return lambda value: (
        isinstance(value, list | tuple) and bool(value) and all(isinstance(item, kind) for item in value)
    )
