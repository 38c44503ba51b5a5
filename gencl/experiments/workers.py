"""Train the cells of a comparison in processes on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from gencl.core import command
from gencl.core.interrupts import calling
from gencl.core.launcher import unlaunched
from gencl.core.threads import wait_asleep
from gencl.experiments.cards import Cards, cards_here
from gencl.experiments.fork_server import ForkServer


class Worker(Protocol):
    """A process that runs one command."""

    def terminate(self) -> None:
        """Ask the process to stop."""

    def wait(self) -> tuple[int, str]:
        """Wait for the end. Return the exit status and the text of standard error."""


class Started:
    """A new Python process.

    It has its own session, so that Ctrl-C reaches it only through `Workers` and not from the terminal as well. A
    second signal would stop it at once, without a checkpoint.
    """

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        theirs, self._lifeline = os.pipe()
        self._process = subprocess.Popen(
            command.python("gencl.experiments.lifeline", *arguments),
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=environment,
        )
        os.close(theirs)

    def terminate(self) -> None:
        """Send SIGTERM if the process runs."""
        self._process.terminate()

    def wait(self) -> tuple[int, str]:
        """Wait for the end. Return the exit status (-N if signal N killed it) and the text of standard error."""
        _, errors = self._process.communicate()
        os.close(self._lifeline)
        return self._process.returncode, errors


class Workers:
    """Runs gencl commands in processes. A signal that asks to stop is passed on, and they write checkpoints."""

    def __init__(self, device: str, threads: int | None = None) -> None:
        """Choose how processes start: forked (`ForkServer`) for the CPU on Linux, else new. Runs share out the GPUs.

        Args:
            device: the type of device that cells compute on.
            threads: the most threads that a cell chooses by itself; by default PyTorch's number.
        """
        self._environment = unlaunched(os.environ)
        if threads is not None:
            self._environment["OMP_NUM_THREADS"] = str(threads)
        wait_asleep(self._environment)
        self._signal = 0
        self._cards = Cards(cards_here() if device == "cuda" else [])
        self._running: set[Worker] = set()
        self._server = ForkServer(self._environment) if device == "cpu" and sys.platform == "linux" else None

    def stopped_by(self) -> int:
        """Return the number of the signal that asked to stop, or 0."""
        return self._signal

    def run(self, arguments: Sequence[str]) -> tuple[int, str]:
        """Run ``gencl ARGUMENTS`` in a process. Return its exit status and the text of standard error."""
        with self._cards.one() as card:
            environment = {**self._environment, **card}
            worker: Worker = self._server.start(arguments) if self._server else Started(arguments, environment)
            self._running.add(worker)
            if self._signal:  # the signal came while the process started
                worker.terminate()
            outcome = worker.wait()
            self._running.discard(worker)
        return outcome

    @contextmanager
    def working(self) -> Iterator[None]:
        """Within the block, terminate all running processes if a signal asks to stop.

        `stopped_by` then returns its number. The fork server, if any, ends with the block.
        """

        def stop(number: int) -> None:
            self._signal = number
            for worker in list(self._running):
                worker.terminate()

        try:
            with calling(stop):
                yield
        finally:
            if self._server:
                self._server.close()
