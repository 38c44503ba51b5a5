"""Where data sets lie, and where what can be made again is kept."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from gencl.core import files
from gencl.core.errors import UsageError


def data_root(chosen: str | os.PathLike[str] | None = None) -> Path:
    """Where data sets lie: ``chosen``, else ``$GENCL_DATA``, else the user's cache directory.

    Raises UsageError if a folder was named that does not exist.
    """
    for origin, value in (("--data-root", chosen), ("$GENCL_DATA", os.environ.get("GENCL_DATA"))):
        if value:
            path = files.place(value)
            if not path.is_dir():
                raise UsageError(f"{origin}: there is no folder {path}; create it, or name the one that holds the data")
            return path
    return cache_root() / "data"


def cache_root() -> Path:
    """Where what can be made again is kept: ``$GENCL_CACHE``, else the user's cache directory, else a temporary folder
    (users of containers may have no home)."""
    from platformdirs import user_cache_path

    chosen = os.environ.get("GENCL_CACHE")
    if chosen:
        return files.place(chosen)
    with suppress(RuntimeError):
        path = user_cache_path("gencl")
        if path.is_absolute():
            return path
    return Path(tempfile.gettempdir()) / f"gencl-{os.getuid()}"
