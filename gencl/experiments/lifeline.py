"""Stop a cell, with a checkpoint, when the comparison that started it has ended for whatever reason."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable

from gencl.core import command


def watch(read: Callable[[], object]) -> None:
    """Send SIGTERM to this process when ``read`` returns.

    ``read`` blocks on a pipe or socket that nobody writes to, so it returns when the other side has ended.
    """

    def stop() -> None:
        read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop, daemon=True).start()


if __name__ == "__main__":
    watch(lambda: os.read(0, 1))
    sys.exit(command.run(sys.argv[1:]))
