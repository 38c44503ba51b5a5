"""What downloads have in common: how long they may be silent, and how their errors are told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gencl.core.errors import GenclError

SILENT_SECONDS = 10
_TIMEOUT = threading.RLock()
"""Held while the process's timeout is another one."""


@contextmanager
def impatient() -> Iterator[None]:
    """Lets connections fail within the block that say nothing for ten seconds."""
    with _TIMEOUT:
        before = socket.getdefaulttimeout()
        socket.setdefaulttimeout(SILENT_SECONDS)
        try:
            yield
        finally:
            socket.setdefaulttimeout(before)


@contextmanager
def told(explained: Callable[[Exception], str]) -> Iterator[None]:
    """Within the block errors of a hub's library become one line each: what ``explained`` says of them."""
    try:
        yield
    except GenclError:
        raise
    except Exception as error:  # of the library, of the network below it, or of the disk
        raise GenclError(explained(error)) from error
