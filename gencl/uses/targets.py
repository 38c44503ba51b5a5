"""Check the path of an output file before the work for it begins."""

from __future__ import annotations

from pathlib import Path

from gencl.core import files
from gencl.core.errors import UsageError
from gencl.core.files import printable


def check_target(option: str, path: Path, suffix: str) -> None:
    """Raise UsageError unless a file with this suffix can be written to ``path``, which ``option`` gave."""
    shown = f"{option} {printable(path)}"
    if path.suffix.lower() != suffix:
        raise UsageError(f"{shown}: give a name that ends in {suffix}")
    if path.is_dir():
        raise UsageError(f"{shown} is a folder; name a file")
    if not path.parent.is_dir():
        raise UsageError(f"{shown}: there is no folder {printable(path.parent)}")
    files.check_folder(path.parent)
