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


def status_of(error: BaseException) -> int:
    """Return the HTTP status with which the Hugging Face Hub answered, 0 if the error has none."""
    from huggingface_hub.errors import HfHubHTTPError

    response = error.response if isinstance(error, HfHubHTTPError) else None  # None in some errors of older versions
    return 0 if response is None else int(response.status_code)


def refused(error: Exception) -> bool:
    """Return whether the Hub answered and refused: not if it was silent or its servers failed (5xx)."""
    return 0 < status_of(error) < 500
