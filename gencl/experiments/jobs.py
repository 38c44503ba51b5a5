"""Train the cells of a comparison as Slurm jobs, through submitit. Its local executor is for trying it out.

submitit keeps its files in ``DIR/jobs``, among them pickles that only the job itself reads. Each job writes its exit
status to a JSON file there; the results are in the cell's run directory.
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
"""How long after a job's end its status file may take to appear on a shared file system."""
_YEAR_MINUTES = 365 * 24 * 60
_ALIVE = ("PENDING", "CONFIGURING", "RUNNING", "REQUEUED", "REQUEUE_HOLD", "RESIZING", "SUSPENDED", "COMPLETING")


def parse_options(texts: Sequence[str]) -> dict[str, str]:
    """Return sbatch's options from texts such as ``["partition=gpu", "gpus-per-node=1"]``.

    Raises UsageError if a text is not KEY=VALUE.
    """
    options = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip().lstrip("-").replace("-", "_")
        if not equals or not key.isidentifier() or not value.strip():
            raise UsageError(f"--slurm {text}: write an option of sbatch as KEY=VALUE, such as --slurm partition=gpu")
        options[key] = value.strip()
    return options


def check_executor(executor: str | None, options: Mapping[str, str]) -> None:
    """Raise UsageError if the executor is unknown, or lacks a package, command or option that it needs."""
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
    """Runs gencl commands as jobs. A signal that asks to stop cancels them, and they write checkpoints."""

    def __init__(self, executor: str, folder: Path, options: Mapping[str, str]) -> None:
        """Set up submitit. ``folder`` is for its files, and every node must see it.

        `check_executor` checks ``executor`` and ``options`` beforehand.
        """
        from submitit import AutoExecutor

        self._folder = folder.resolve()
        # -P: import nothing from the current folder
        python = shlex.quote(sys.executable) + " -P" * (sys.version_info >= (3, 11))
        self._executor = AutoExecutor(self._folder, cluster=executor, **{f"{executor}_python": python})
        if executor == "slurm":
            self._executor.update_parameters(slurm_job_name="gencl", slurm_additional_parameters=dict(options))
        else:
            self._executor.update_parameters(timeout_min=_YEAR_MINUTES)
        self._lock = threading.Lock()
        self._signal = 0
        self._running: dict[str, Any] = {}

    def stopped_by(self) -> int:
        """Return the number of the signal that asked to stop, or 0."""
        return self._signal

    def run(self, arguments: Sequence[str]) -> tuple[int, str]:
        """Run ``gencl ARGUMENTS`` as a job. Return its exit status and an error message.

        The message is the last line of gencl in the job's log, or says that the job had no result. A job that an
        earlier, killed comparison left in Slurm's queue is not submitted again.
        """
        cell = _cell(arguments)
        ticket = self._folder / f"{cell.parent.name}-{cell.name}.job"
        file = ticket.with_suffix(f".{time.time_ns()}.json")  # a cluster may reuse the numbers of jobs
        try:
            with self._lock:  # submitit's executors are not thread-safe
                job, file = self._submitted(ticket) or (
                    self._executor.submit(run_cell, list(arguments), str(file)),
                    file,
                )
                files.write_json(ticket, {"job": job.job_id, "status": file.name})
                self._running[job.job_id] = job
        except Exception as error:  # sbatch can fail in many ways
            return 1, f"the job could not be submitted: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
        if self._signal:  # it came while the job was submitted
            job.cancel(check=False)
        status = self._wait(job, file)
        if status is not None or not self._signal:  # a cancelled job may still be writing its checkpoint
            ticket.unlink(missing_ok=True)
        self._running.pop(job.job_id, None)
        if status is None:
            return 1, f"job {job.job_id} ended as {job.state} without a result; its log: {job.paths.stderr}"
        return status, _of_gencl(job.paths.stderr)

    def _submitted(self, ticket: Path) -> tuple[Any, Path] | None:
        """Return a cell's job that a killed comparison left in Slurm's queue, with its status file, or None."""
        if self._executor.cluster != "slurm" or not ticket.exists():
            return None
        from submitit import SlurmJob

        written = json.loads(ticket.read_text())
        job: Any = SlurmJob(self._folder, written["job"])
        alive = job.watcher.get_state(job.job_id, mode="force") in _ALIVE
        return (job, self._folder / written["status"]) if alive else None

    def _wait(self, job: Any, file: Path) -> int | None:
        """Wait for a job and return the exit status of its command, or None if it ended without one."""
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
        """Within the block, cancel all running jobs if a signal asks to stop. `stopped_by` then returns its number."""

        def stop(number: int) -> None:
            self._signal = number
            for job in list(self._running.values()):
                with suppress(Exception):  # the job may have ended by now
                    job.cancel(check=False)

        with calling(stop):
            yield


def run_cell(arguments: Sequence[str], file: str) -> None:
    """Run the command in the process of a job, and write its exit status to ``file``.

    Slurm sends SIGUSR2 before the time is up. The run then stops as with SIGTERM, with a checkpoint.
    """
    signal.signal(signal.SIGUSR2, lambda *_: signal.raise_signal(signal.SIGTERM))
    environment = unlaunched(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    again = ["--resume"] if (_cell(arguments) / "config.yaml").is_file() and "--resume" not in arguments else []
    status = command.run([*arguments, *again])  # a config.yaml is there if Slurm has requeued the job
    files.write_json(Path(file), {"status": status})


def _cell(arguments: Sequence[str]) -> Path:
    """Return the run directory of a command ``train ... --out DIR``."""
    return Path(arguments[list(arguments).index("--out") + 1])


def _of_gencl(log: Path) -> str:
    """Return the last line of a job's log that gencl wrote, or an empty text."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return next((line for line in reversed(lines) if line.startswith("gencl: ")), "")
