"""Processes that train the cells of a comparison."""

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
        """Asks it to stop."""

    def wait(self) -> tuple[int, str]:
        """Its exit status once it has ended, and what it wrote to standard error."""


class Started:
    """A process that Python was started in.

    In a session of its own: Ctrl-C reaches it once, from `Workers`, and not from the terminal too (a second signal
    would stop it at once, without a checkpoint).
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
        """Sends SIGTERM if it runs."""
        self._process.terminate()

    def wait(self) -> tuple[int, str]:
        """Its exit status once it has ended, and what it wrote to standard error."""
        _, errors = self._process.communicate()
        os.close(self._lifeline)
        return self._process.returncode, errors


class Workers:
    """The processes that train cells; a signal that asks to stop is passed on to them, and they write checkpoints."""

    def __init__(self, device: str, threads: int | None = None) -> None:
        """``device``: the type of what cells compute on; they are forked where they can be (`ForkServer`), and share
        out the GPUs (`Cards`).
        ``threads``: the most that a cell chooses for itself; default as PyTorch."""
        self._environment = unlaunched(os.environ)
        if threads is not None:
            self._environment["OMP_NUM_THREADS"] = str(threads)
        wait_asleep(self._environment)
        self._signal = 0
        self._cards = Cards(cards_here() if device == "cuda" else [])
        self._running: set[Worker] = set()
        self._server = ForkServer(self._environment) if device == "cpu" and sys.platform == "linux" else None

    def stopped_by(self) -> int:
        """The signal that asked to stop, or 0."""
        return self._signal

    def run(self, arguments: Sequence[str]) -> tuple[int, str]:
        """Runs ``gencl ARGUMENTS``; returns its exit status and what it wrote to standard error."""
        with self._cards.one() as card:
            environment = {**self._environment, **card}
            worker: Worker = self._server.start(arguments) if self._server else Started(arguments, environment)
            self._running.add(worker)
            if self._signal:  # the signal came while the process was made
                worker.terminate()
            outcome = worker.wait()
            self._running.discard(worker)
        return outcome

    @contextmanager
    def working(self) -> Iterator[None]:
        """Within the block the first signal stops all that runs and lets nothing more begin."""

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
