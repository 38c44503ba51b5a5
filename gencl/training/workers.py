"""Processes that train the cells of a comparison."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType


class Workers:
    """The processes that train cells; SIGINT and SIGTERM are passed on to them, and they write their checkpoints."""

    def __init__(self) -> None:
        self._signal = 0
        self._running: set[subprocess.Popen[str]] = set()

    def stopped_by(self) -> int:
        """The signal that asked to stop, or 0."""
        return self._signal

    def run(self, command: Sequence[str]) -> tuple[int, str]:
        """Runs a command; returns its exit status and what it wrote to standard error.

        In a session of its own: Ctrl-C reaches it once, from here, and not from the terminal too (a second signal would
        stop it at once, without a checkpoint).
        """
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        self._running.add(process)
        if self._signal:  # the signal came while the process was made
            process.terminate()
        _, errors = process.communicate()
        self._running.discard(process)
        return process.returncode, errors

    @contextmanager
    def stopped_by_signals(self) -> Iterator[None]:
        """Within the block the first signal stops all that runs and lets nothing more begin."""

        def stop(number: int, frame: FrameType | None) -> None:
            self._signal = number
            for process in list(self._running):
                process.send_signal(signal.SIGTERM)

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
