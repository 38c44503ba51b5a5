"""Where a file that a user names is to be written, checked before anything is made for it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gencl.core import files
from gencl.core.errors import UsageError
from gencl.core.files import printable


def check_target(option: str, path: Path, suffix: str) -> None:
    """Raise UsageError unless a file of this suffix can be written there; ``option`` is what named it."""
    shown = f"{option} {printable(path)}"
    if path.suffix.lower() != suffix:
        raise UsageError(f"{shown}: give a name that ends in {suffix}")
    if path.is_dir():
        raise UsageError(f"{shown} is a folder; name a file")
    if not path.parent.is_dir():
        raise UsageError(f"{shown}: there is no folder {printable(path.parent)}")
    files.check_folder(path.parent)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path to write to, which becomes ``path`` when the block ends, and is removed when it fails.

    Raises NotWritten for an OSError in the block.
    """
    scratch = None
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        scratch = Path(name)
        os.close(descriptor)
        yield scratch
        scratch.chmod(0o644)
        scratch.replace(path)
    except BaseException as error:
        if scratch is not None:
            scratch.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise files.cannot_write(path, error) from error
        raise
