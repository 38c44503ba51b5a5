"""Whether a function loads a data set: what the registry is given."""

from __future__ import annotations

import inspect
from typing import Any


def problem(name: str, thing: Any) -> str:
    """What is wrong with ``thing`` as a data set of this name; nothing where all is right."""
    try:
        inspect.signature(thing).bind(None, True)
    except (TypeError, ValueError):
        return "must be a function load(root, download) that returns a gencl.Dataset or the Path of a folder"
    return ""
