"""The processes of a comparison: how they end, and what is told of it."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gencl.core import files
from gencl.experiments import fork_server
from gencl.experiments.fork_server import ForkServer, launched
from gencl.experiments.workers import Started, Workers
from tests import forked
from tests.conftest import tiny

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers("cpu", threads=1)
    with made.working():
        yield made


def test_status_and_message_come_back(workers: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork_server, "launched", launched)  # a server that is started as for a user
    (tmp_path / "random.py").write_text("raise SystemExit('of the user')")
    monkeypatch.chdir(tmp_path)
    assert workers.run(["list", "methods"]) == (0, "")
    status, errors = workers.run(["train", "--method", "anpcy", "--out", str(tmp_path / "run")])
    assert status == 2 and errors.startswith("gencl: no method is called 'anpcy'; did you mean anpyc")


def test_a_killed_one_is_told_by_its_signal_and_a_stopped_one_leaves_a_checkpoint(tmp_path: Path) -> None:
    sets = [part for text in [*tiny("digits-mlp"), "train.steps=100000"] for part in ("--set", text)]
    server = ForkServer()
    out = tmp_path / "run"
    started = server.start(["train", "--preset", "digits-mlp", "--out", str(out), *sets])
    while not (out / "log.jsonl").exists():
        time.sleep(0.01)
    server.close()  # what was started goes on
    os.kill(started.pid, signal.SIGKILL)
    assert started.wait()[0] == -signal.SIGKILL
    started.terminate()  # nothing any more
    written = (out / "log.jsonl").stat().st_mtime_ns
    again = server.start(["train", "--resume", "--out", str(out)])  # by a new server
    while (out / "log.jsonl").stat().st_mtime_ns == written:
        time.sleep(0.01)
    again.terminate()
    status, errors = again.wait()
    server.close()
    assert status == 128 + signal.SIGTERM and "stopped at task 1" in errors
    (saved,) = re.findall(r"step \d+ of 100000, saved as (checkpoint/\d+);", " ".join(errors.split()))
    assert (out / f"{saved}.json").is_file()


def test_a_killed_server_is_replaced(workers: Workers) -> None:
    workers.run(["list", "metrics"])
    server = workers._server
    assert server is not None and server._process is not None
    server._process.kill()
    server._process.wait()
    assert workers.run(["list", "presets"])[0] == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_cells_stop_with_their_comparison(number: signal.Signals, tmp_path: Path) -> None:
    """A closed terminal, or a comparison that is killed: its cells write a checkpoint, and it can be started again."""
    sets = [part for text in [*tiny("digits-mlp"), "train.steps=100000"] for part in ("--set", text)]
    options = ("--preset", "digits-mlp", "--methods", "sgd", "--seeds", "0", "--out", str(tmp_path), *sets)
    comparison, cell = forked.command("compare", *options), tmp_path / "sgd" / "seed-0"
    while not (cell / "log.jsonl").exists() and comparison.poll() is None:
        time.sleep(0.01)
    os.kill(comparison.pid, number)
    assert comparison.wait(60) == (128 + number if number == signal.SIGHUP else -number), comparison.errors
    os.close(files.locked(cell, patience=30))  # nobody writes there any more
    assert list((cell / "checkpoint").glob("*.json"))


def test_a_process_started_anew_stops_with_its_parent(tmp_path: Path) -> None:
    sets = [part for text in [*tiny("digits-mlp"), "train.steps=100000"] for part in ("--set", text)]
    started = Started(["train", "--preset", "digits-mlp", "--out", str(tmp_path / "run"), *sets], os.environ)
    while not (tmp_path / "run" / "log.jsonl").exists():
        time.sleep(0.01)
    os.close(started._lifeline)  # as at the parent's end
    started._lifeline = os.open(tmp_path, os.O_RDONLY)
    status, errors = started.wait()
    assert status == 128 + signal.SIGTERM and "stopped at task 1" in errors
