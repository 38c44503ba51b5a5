"""The cells of a comparison as jobs of a cluster (Slurm), through submitit; its local executor is for trying it out.

submitit keeps its own files (among them pickles that only the job itself reads back) in ``DIR/jobs``; what a cell came
to is told by its exit status in a JSON file there and by its run directory.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gencl.core import command, files
from gencl.core.errors import UsageError
from gencl.core.extras import EXTRAS
from gencl.core.interrupts import calling
from gencl.core.launcher import unlaunched

EXECUTORS = ("slurm", "local")
POLL_SECONDS = 0.5
LATE_SECONDS = 20
"""So long after a job's end its status may become visible on a shared file system."""
_YEAR_MINUTES = 365 * 24 * 60
_ALIVE = ("PENDING", "CONFIGURING", "RUNNING", "REQUEUED", "REQUEUE_HOLD", "RESIZING", "SUSPENDED", "COMPLETING")


def parse_options(texts: Sequence[str]) -> dict[str, str]:
    """``["partition=gpu", "gpus-per-node=1"]`` -> sbatch's options. Raises UsageError for anything else."""
    options = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip().lstrip("-").replace("-", "_")
        if not equals or not key.isidentifier() or not value.strip():
            raise UsageError(f"--slurm {text}: write an option of sbatch as KEY=VALUE, such as --slurm partition=gpu")
        options[key] = value.strip()
    return options


def check_executor(executor: str | None, options: Mapping[str, str]) -> None:
    """Raises UsageError for an executor that there is not, or that lacks what it needs; nothing is written."""
    if options and executor != "slurm":
        raise UsageError("--slurm: these are options of sbatch; they go with --executor slurm")
    if executor is None:
        return
    if executor not in EXECUTORS:
        raise UsageError(f"--executor {executor}: there are: {', '.join(EXECUTORS)}")
    EXTRAS["submitit"].require("--executor")
    if executor == "slurm" and not (shutil.which("sbatch") and shutil.which("srun")):
        raise UsageError("--executor slurm: there is no sbatch here; run it where jobs are submitted (a login node)")
    if executor == "slurm" and "time" not in options:
        raise UsageError("--executor slurm: say how long a cell may take: --slurm time=HH:MM:SS")


class Jobs:
    """Runs commands of gencl as jobs; signals that ask to stop cancel them, and they write their checkpoints."""

    def __init__(self, executor: str, folder: Path, options: Mapping[str, str]) -> None:
        """``folder``: where submitit keeps its files; every node must see it. See `check_executor`."""
        from submitit import AutoExecutor

        self._folder = folder.resolve()
        python = shlex.quote(sys.executable) + " -P" * (sys.version_info >= (3, 11))  # imports nothing from here
        self._executor = AutoExecutor(self._folder, cluster=executor, **{f"{executor}_python": python})
        if executor == "slurm":
            self._executor.update_parameters(slurm_job_name="gencl", slurm_additional_parameters=dict(options))
        else:
            self._executor.update_parameters(timeout_min=_YEAR_MINUTES)
        self._lock = threading.Lock()
        self._signal = 0
        self._running: dict[str, Any] = {}

    def stopped_by(self) -> int:
        """The signal that asked to stop, or 0."""
        return self._signal

    def run(self, arguments: Sequence[str]) -> tuple[int, str]:
        """Runs ``gencl ARGUMENTS`` as a job; returns its exit status and what it wrote to standard error."""
        cell = _cell(arguments)
        ticket = self._folder / f"{cell.parent.name}-{cell.name}.job"
        file = ticket.with_suffix(f".{time.time_ns()}.json")  # jobs' numbers may come again
        try:
            with self._lock:  # submitit's executors are not made for several threads
                job, file = self._submitted(ticket) or (
                    self._executor.submit(run_cell, list(arguments), str(file)),
                    file,
                )
                files.write_json(ticket, {"job": job.job_id, "status": file.name})
                self._running[job.job_id] = job
        except Exception as error:  # whatever sbatch says
            return 1, f"the job could not be submitted: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
        if self._signal:  # it came while the job was made
            job.cancel(check=False)
        status = self._wait(job, file)
        ticket.unlink(missing_ok=True)
        self._running.pop(job.job_id, None)
        if status is None:
            return 1, f"job {job.job_id} ended as {job.state} without a result; its log: {job.paths.stderr}"
        return status, _of_gencl(job.paths.stderr)

    def _submitted(self, ticket: Path) -> tuple[Any, Path] | None:
        """The job of a cell, and its status file, that a comparison which was killed has left in Slurm's queue."""
        if self._executor.cluster != "slurm" or not ticket.exists():
            return None
        from submitit import SlurmJob

        written = json.loads(ticket.read_text())
        job: Any = SlurmJob(self._folder, written["job"])
        alive = job.watcher.get_state(job.job_id, mode="force") in _ALIVE
        return (job, self._folder / written["status"]) if alive else None

    def _wait(self, job: Any, file: Path) -> int | None:
        """The exit status of a job's command when it has ended; None where it ended without one."""
        ended: float | None = None
        while not file.exists():
            if ended is None and (self._signal or job.done()):
                ended = time.monotonic()
            if ended is not None and time.monotonic() - ended > LATE_SECONDS:
                return None
            time.sleep(POLL_SECONDS)
        try:
            return int(json.loads(file.read_text())["status"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @contextmanager
    def working(self) -> Iterator[None]:
        """Within the block the first signal cancels all that runs and lets nothing more begin."""

        def stop(number: int) -> None:
            self._signal = number
            for job in list(self._running.values()):
                with suppress(Exception):  # it has ended meanwhile
                    job.cancel(check=False)

        with calling(stop):
            yield


def run_cell(arguments: Sequence[str], file: str) -> None:
    """What a job does: the command within its own process, and a file that says how it ended.

    Slurm sends SIGUSR2 before the time is up: it stops as by SIGTERM, with a checkpoint.
    """
    signal.signal(signal.SIGUSR2, lambda *_: signal.raise_signal(signal.SIGTERM))
    environment = unlaunched(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    again = ["--resume"] if (_cell(arguments) / "config.yaml").is_file() and "--resume" not in arguments else []
    status = command.run([*arguments, *again])  # again: Slurm has put the job back into the queue
    files.write_json(Path(file), {"status": status})


def _cell(arguments: Sequence[str]) -> Path:
    """The run directory of a command ``train ... --out DIR``."""
    return Path(arguments[list(arguments).index("--out") + 1])


def _of_gencl(log: Path) -> str:
    """The last line of a job's log that is of gencl."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return next((line for line in reversed(lines) if line.startswith("gencl: ")), "")
