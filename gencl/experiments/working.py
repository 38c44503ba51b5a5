"""A lock on the directory of a comparison: two comparisons in it would train the same cells and overwrite tables."""

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
"""The file that names the process which works in the directory."""
_held: dict[Path, int] = {}
"""The directories that this process holds, and the thread that holds each: a search calls `compare` in its own."""


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Create the directory of a comparison if needed, and lock it for the block.

    The thread that holds the lock may enter again. Raises UsageError, with the other process's number and host, if
    another comparison holds it, and NotWritten if the directory cannot be written.
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
