"""A timeout and one-line errors for all downloads."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gencl.core.errors import GenclError

SILENT_SECONDS = 10
_TIMEOUT = threading.RLock()
"""Held while the process's default timeout is changed."""


@contextmanager
def impatient() -> Iterator[None]:
    """Within the block, connections that receive nothing for ten seconds fail."""
    with _TIMEOUT:
        before = socket.getdefaulttimeout()
        socket.setdefaulttimeout(SILENT_SECONDS)
        try:
            yield
        finally:
            socket.setdefaulttimeout(before)


@contextmanager
def told(explained: Callable[[Exception], str]) -> Iterator[None]:
    """Within the block, turn any exception into a GenclError with the text that ``explained`` returns for it."""
    try:
        yield
    except GenclError:
        raise
    except Exception as error:  # from the library, the network or the disk
        raise GenclError(explained(error)) from error


def refused(error: Exception) -> bool:
    """Return whether the Hugging Face Hub answered and refused: not if it was silent or its servers failed (5xx)."""
    from huggingface_hub.errors import HfHubHTTPError

    status = getattr(getattr(error, "response", None), "status_code", 500)  # older versions have errors without one
    return isinstance(error, HfHubHTTPError) and status < 500
