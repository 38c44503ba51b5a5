"""Serve the page on this machine, on a free port, without telemetry, until Ctrl-C."""

from __future__ import annotations

import errno
import os
import socket
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gencl.core.errors import UsageError
from gencl.core.interrupts import calling

if TYPE_CHECKING:
    from gencl.demo.subject import Subject

PORT, TRIES = 7860, 100
"""The first port to try if the user names none, and how many to try."""
ALONE = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "GRADIO_SSR_MODE": "False",
    "GRADIO_MCP_SERVER": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
"""Environment variables that disable Gradio's telemetry and servers. Gradio reads most of them on import."""


def listen(host: str, port: int | None) -> socket.socket:
    """Return a socket that listens on a port (0: any free one; None: the first free one from 7860 on).

    Raises UsageError if the port is taken or not permitted, or if the host is not this machine.
    """
    tried = range(PORT, PORT + TRIES) if port is None else [port]
    for number in tried:
        try:
            family, _, _, _, address = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)[0]
            return socket.create_server(address[:2], family=family)
        except socket.gaierror:
            raise UsageError(f"--host {host}: no machine has this name; 127.0.0.1 is this one") from None
        except OverflowError:
            raise UsageError(f"--port {number}: ports go up to 65535") from None
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            if error.errno == errno.EADDRNOTAVAIL:
                raise UsageError(f"--host {host} is no address of this machine; 127.0.0.1 is always one") from None
            raise UsageError(f"--port {number} cannot be used: {error.strerror or error}; try 7860") from None
    if port is None:
        raise UsageError(f"the ports {PORT} to {PORT + TRIES - 1} are all taken; name a free one by --port")
    raise UsageError(f"--port {port} is taken by another program; name another, or none for the next free one")


def address(listening: socket.socket) -> str:
    """Return the URL to open in a browser."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # all addresses include the local one
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def has_display() -> bool:
    """Return whether a browser can probably be opened here."""
    if sys.platform in ("darwin", "win32"):
        return "SSH_CONNECTION" not in os.environ
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def serve(subject: Subject, listening: socket.socket, browser: bool, ready: Callable[[str], Any]) -> None:
    """Serve the page of a subject until Ctrl-C or SIGTERM.

    Args:
        subject: the models to show.
        listening: a socket from `listen`. It is closed at the end.
        browser: whether to open the page in a browser.
        ready: called with the URL just before the server starts; the socket already accepts connections.
    """
    with tempfile.TemporaryDirectory(prefix="gencl-demo-") as uploads, listening:
        os.environ.update(ALONE, GRADIO_TEMP_DIR=str(Path(uploads)))
        import uvicorn

        from gencl.demo.page import application  # imports Gradio

        settings = uvicorn.Config(application(subject), log_level="critical", timeout_graceful_shutdown=1)
        ready(address(listening))
        if browser:  # its first request waits until the server answers
            threading.Thread(target=webbrowser.open, args=(address(listening),), daemon=True).start()
        with calling(lambda _: None):  # uvicorn raises the signal that stopped it again
            uvicorn.Server(settings).run(sockets=[listening])
