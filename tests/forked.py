"""Processes forked from one that has imported what training needs: the import takes seconds, once in each worker.

They are real processes, with an environment, a folder and a session of their own; only Python's start is spared.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import runpy
import shutil
import signal
import socket
import sys
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp

from gencl.experiments import fork_server
from gencl.experiments.fork_server import IMPORTED

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([*IMPORTED, "minatar", __name__])  # MinAtar, where it is installed, imports seaborn


class Forked:
    """A running process: as `subprocess.Popen`, with its output in files."""

    def __init__(
        self,
        target: Callable[..., object],
        *arguments: object,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._outputs = Path(mkdtemp(prefix="gencl-test-"))
        weakref.finalize(self, shutil.rmtree, self._outputs, ignore_errors=True)
        place = folder or Path.cwd()
        around = (dict(os.environ, **environment or {}), str(place), str(self._outputs))
        self._process = _CONTEXT.Process(target=_run, args=(*around, target, *arguments), daemon=True)
        self._process.start()
        self.pid = self._process.pid or 0

    @property
    def output(self) -> str:
        """What it has written to standard output so far."""
        return (self._outputs / "1").read_text()

    @property
    def errors(self) -> str:
        """What it has written to standard error so far."""
        return (self._outputs / "2").read_text()

    def poll(self) -> int | None:
        """Its exit status, or minus the signal that killed it; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float = 600) -> int:
        """The same when it has ended. Raises TimeoutError where it runs on."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise TimeoutError(f"process {self.pid} still runs")
        return self._process.exitcode

    def kill(self) -> None:
        """Sends SIGKILL."""
        self._process.kill()


def command(*arguments: str | Path, **options: object) -> Forked:
    """``gencl ARGUMENTS`` in a process of its own."""
    return Forked(_command, [str(argument) for argument in arguments], **options)  # type: ignore[arg-type]


def ranks(*arguments: str | Path, script: Path | None = None) -> list[Forked]:
    """Two processes of ``gencl ARGUMENTS`` or of a script, with the environment that torchrun gives them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    words = [str(argument) for argument in arguments]
    target, given = (_command, (words,)) if script is None else (_script, (str(script), words))
    return [Forked(target, *given, environment={**common, "RANK": rank, "LOCAL_RANK": rank}) for rank in "01"]


def ended(processes: Sequence[Forked]) -> list[int]:
    """Return the exit statuses of all. Those that run on when one has failed, or for ten minutes, are killed."""
    deadline = time.monotonic() + 600
    while any(process.poll() is None for process in processes):
        if any(process.poll() for process in processes) or time.monotonic() > deadline:
            time.sleep(1)  # for the last words of the others
            for process in processes:
                process.kill()
        time.sleep(0.01)
    return [process.wait() for process in processes]


def server(requests: socket.socket, environment: Mapping[str, str] | None = None) -> Forked:
    """For `gencl.experiments.fork_server.launched`."""
    return Forked(fork_server.serve, requests, environment=environment)


def _run(
    environment: dict[str, str], folder: str, outputs: str, target: Callable[..., object], *arguments: object
) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number in (1, 2):
        file = os.open(f"{outputs}/{number}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, number)
        os.close(file)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a suite that was started with nohup hands down that it is ignored
    target(*arguments)


class _Child:
    """A child of this process: what `ForkServer` asks of its server's process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        return self._ended(os.WNOHANG)

    def wait(self) -> int | None:
        return self._ended(0)

    def _ended(self, options: int) -> int | None:
        if self._status is None:
            pid, status = os.waitpid(self.pid, options)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
        return self._status


def _fork_server() -> None:
    """Forks what becomes the server of this process's comparison, before anything else runs here.

    Processes of this module have no children by multiprocessing, so `server` does not work in them.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        ours.close()
        os.setsid()
        environment, fds, _, _ = socket.recv_fds(theirs, 1 << 20, 1)
        if not environment:  # no server was needed
            os._exit(0)
        os.environ.clear()
        os.environ.update(json.loads(environment))
        fork_server.serve(socket.socket(fileno=fds[0]))
    theirs.close()

    def launched(requests: socket.socket, environment: Mapping[str, str] | None = None) -> _Child:
        socket.send_fds(ours, [json.dumps(dict(environment or os.environ)).encode()], [requests.fileno()])
        return _Child(pid)

    fork_server.launched = launched  # type: ignore[assignment]


def _command(arguments: Sequence[str]) -> None:
    from gencl.commands import main

    if arguments[0] in ("compare", "tune"):
        _fork_server()
    sys.argv = ["gencl", *arguments]
    main()


def _script(path: str, arguments: Sequence[str]) -> None:
    sys.argv = [path, *arguments]
    runpy.run_path(path, run_name="__main__")
