"""How long a download may be silent."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

SILENT_SECONDS = 10


@contextmanager
def impatient() -> Iterator[None]:
    """Lets connections fail within the block that say nothing for ten seconds."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
