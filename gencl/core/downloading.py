"""How long a download may be silent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

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
