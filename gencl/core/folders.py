"""The folder of data sets and the folder of the cache."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from gencl.core import files
from gencl.core.errors import UsageError


def data_root(chosen: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of data sets: ``chosen``, else ``$GENCL_DATA``, else ``data`` in the cache (`cache_root`).

    Raises UsageError if the folder in ``chosen`` or ``$GENCL_DATA`` does not exist.
    """
    for origin, value in (("--data-root", chosen), ("$GENCL_DATA", os.environ.get("GENCL_DATA"))):
        if value:
            path = files.place(value)
            if not path.is_dir():
                raise UsageError(f"{origin}: there is no folder {path}; create it, or name the one that holds the data")
            return path
    return cache_root() / "data"


def cache_root() -> Path:
    """Return the folder of the cache: ``$GENCL_CACHE``, else the user's cache directory, else a temporary folder.

    The last is for users without a home folder, as in containers.
    """
    from platformdirs import user_cache_path

    chosen = os.environ.get("GENCL_CACHE")
    if chosen:
        return files.place(chosen)
    with suppress(RuntimeError):
        path = user_cache_path("gencl")
        if path.is_absolute():
            return path
    return Path(tempfile.gettempdir()) / f"gencl-{os.getuid()}"
