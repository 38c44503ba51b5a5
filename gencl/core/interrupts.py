"""Stop a run on Ctrl-C, SIGTERM or a closed terminal (SIGHUP): after the current step, with a checkpoint.

A second signal stops it at once.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SAME_REQUEST_SECONDS = 1.0


class StopRequest:
    """The first signal that asked to stop, if any, and its time. True once there was one."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self.time = 0.0

    def __bool__(self) -> bool:
        return self.signal is not None


def _asking() -> list[signal.Signals]:
    """Return the signals to handle: none outside the main thread, and no SIGHUP if it is ignored, as under nohup."""
    if threading.current_thread() is not threading.main_thread():
        return []
    hang_up = getattr(signal, "SIGHUP", None)  # Windows has none
    heard = hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN
    return [signal.SIGINT, signal.SIGTERM, *([hang_up] if hang_up is not None and heard else [])]


@contextmanager
def calling(stop: Callable[[int], None]) -> Iterator[None]:
    """Within the block, signals that ask to stop call ``stop`` with their number. Works in the main thread only."""
    before = {number: signal.signal(number, lambda number, _: stop(number)) for number in _asking()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """Within the block, record the first signal that asks to stop; a second one has its usual effect.

    A signal within `SAME_REQUEST_SECONDS` of the first is ignored: the terminal and a launcher such as torchrun may
    both deliver one request. Works in the main thread only.
    """
    request = StopRequest()
    before = {number: signal.getsignal(number) for number in _asking()}

    def note(number: int, frame: FrameType | None) -> None:
        if request.signal is None:
            request.signal, request.time = number, time.monotonic()
        elif time.monotonic() - request.time > SAME_REQUEST_SECONDS:
            restore()
            os.kill(os.getpid(), number)

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, note)
    try:
        yield request
    finally:
        restore()
