"""A server process that imports everything training needs once, which takes seconds, and forks for each cell.

It is for Linux and for cells that compute on the CPU: a process that has touched a GPU must not be forked. The server
has one thread and has computed nothing, so its forks behave like new processes.

The fork server of multiprocessing does not work here. Its children import the user's script again, which fails if the
script has no ``if __name__ == "__main__"``. A process also has only one such server, and it keeps the environment that
it was started with.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

from gencl.core import command
from gencl.experiments import lifeline

IMPORTED = (
    "torch._dynamo",  # PyTorch's optimisers import it at their first step
    "gencl.metrics.fidelity",
    "gencl.metrics.kid",
    "gencl.metrics.precision_recall",
    "gencl.reports.html",
    "gencl.reports.tables",
    "gencl.training.train",
)


class Forked:
    """A process that `ForkServer.start` forked. ``pid`` is 0 once it has ended."""

    def __init__(self, reply: socket.socket, errors: int) -> None:
        self._reply, self._errors = reply, errors
        self._status: int | None = None
        self.pid = 0
        self._read()

    def terminate(self) -> None:
        """Send SIGTERM if the process runs. Its number cannot be reused before `wait` has returned."""
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def wait(self) -> tuple[int, str]:
        """Wait for the end. Return the exit status (-N if signal N killed it) and the text of standard error."""
        with os.fdopen(self._errors, encoding="utf-8", errors="replace") as stream:
            errors = stream.read()
        while self._status is None:
            self._read()
        self.pid = 0
        self._reply.close()
        return self._status, errors

    def _read(self) -> None:
        message = self._reply.recv(100)
        if not message:  # the process that reports its end was itself killed
            self._status = -signal.SIGKILL
        else:
            reply = json.loads(message)
            self.pid, self._status = reply.get("pid", self.pid), reply.get("status")


class ForkServer:
    """Starts `gencl` commands in forked processes, which stop when this process ends.

    The server process starts when it is first needed. It gets the given environment, or else that of this process.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = environment
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None

    def start(self, arguments: Sequence[str]) -> Forked:
        """Run ``gencl ARGUMENTS`` in a forked process, and return once it runs. Ctrl-C does not reach it."""
        reply, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        errors, written = os.pipe()
        with theirs, suppress(BrokenPipeError, ConnectionResetError):  # the server was killed; `Forked` gets no reply
            try:
                with self._lock:
                    fds = [theirs.fileno(), written]
                    socket.send_fds(self._connection(), [json.dumps(arguments).encode()], fds)
            finally:
                os.close(written)
        return Forked(reply, errors)

    def close(self) -> None:
        """End the server. Processes that it has started continue."""
        if self._requests is not None and self._process is not None:
            self._requests.close()
            self._process.wait()

    def _connection(self) -> socket.socket:
        if self._requests is not None and self._process is not None and self._process.poll() is None:
            return self._requests
        self.close()
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = launched(theirs, self._environment)
        return self._requests


def launched(requests: socket.socket, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start the server process, which takes requests from this socket. None: it inherits this process's environment."""
    return subprocess.Popen(
        command.python("gencl.experiments.fork_server", str(requests.fileno())),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[requests.fileno()],
        start_new_session=True,
        env=environment,
    )


def serve(requests: socket.socket) -> NoReturn:
    """Fork for every request, and end when the other side closes the socket."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a cluster may send them to all processes: only cells must react
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the `_attend` processes
    for module in IMPORTED:
        with suppress(Exception):  # the cell that needs the module fails again, and reports it
            import_module(module)
    while True:
        message, fds, _, _ = socket.recv_fds(requests, 1 << 20, 2)
        if not message:
            os._exit(0)
        if os.fork() == 0:
            requests.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if os.fork() == 0:
                _run(json.loads(message), *fds)
            _attend(*fds)
        for fd in fds:
            os.close(fd)


def _attend(reply: int, errors: int) -> NoReturn:
    """Wait for this process's only child and send its status. Reap it only when the other side has read that."""
    try:
        os.close(errors)
        end = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        assert end is not None
        status = end.si_status if end.si_code == os.CLD_EXITED else -end.si_status
        with socket.socket(fileno=reply) as connection:
            connection.send(json.dumps({"status": status}).encode())
            connection.recv(1)
        os.wait()
    finally:
        os._exit(0)


def _run(arguments: Sequence[str], reply: int, errors: int) -> NoReturn:
    """Run the command and exit without Python's clean-up, which takes seconds with so many imports."""
    status = 1
    try:
        os.dup2(errors, 2)
        os.close(errors)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        connection = socket.socket(fileno=reply)
        connection.send(json.dumps({"pid": os.getpid()}).encode())
        lifeline.watch(lambda: connection.recv(1))
        status = command.run(arguments)
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
