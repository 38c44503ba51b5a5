"""One comparison at a time works in a directory: two would train the same cells and write the same tables."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gencl.core import files
from gencl.core.errors import UsageError

WORKING = ".working"
"""The file that says who works in the directory."""
_held: dict[Path, int] = {}
"""The directories that this process works in, and in which of its threads: a search compares in its own."""


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Makes the directory of a comparison, and keeps others out of it within the block.

    Raises UsageError that says who works there.
    """
    place, here = folder.absolute(), threading.get_ident()
    if _held.get(place) == here:
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = files.locked(folder)
    except BlockingIOError:
        raise UsageError(f"another comparison works in {folder}{_who(folder)}; wait, or choose another --out") from None
    except OSError as error:
        raise files.cannot_write(folder, error) from error
    _held[place] = here
    try:
        files.write(folder / WORKING, f"process {os.getpid()} on {socket.gethostname()}\n")
        yield
    finally:
        (folder / WORKING).unlink(missing_ok=True)
        del _held[place]
        os.close(lock)


def _who(folder: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return f" ({(folder / WORKING).read_text(encoding='utf-8').strip()})"
    return ""
