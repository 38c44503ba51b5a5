"""Set-ups side by side, cut off, and on a terminal."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.launchers.clone import Clone, heed_signals, wait_until

NO_LOCKS = "import errno, fcntl\ndef flock(*_): raise OSError(errno.ENOSYS, '')\nfcntl.flock = flock"


def test_two_at_the_same_time_install_once(clone: Clone):
    processes = [clone.start(FAKE_PIP_AWAITS=str(clone.go)) for _ in range(3)]
    first_lines = [process.stderr.readline() for process in processes if process.stderr is not None]
    clone.go.touch()
    results = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert results == [(f"in {clone.outside}\n", "")] * 3
    assert (len(clone.calls("venv")), len(clone.calls())) == (1, 1)
    (setter,) = [process.pid for process, line in zip(processes, first_lines, strict=True) if "setting up" in line]
    waiting = f"gencl: waiting for another gencl set-up (process {setter}) …\n"
    assert sorted(line == waiting for line in first_lines) == [False, True, True]


def test_stale_lock(clone: Clone):
    dead = subprocess.Popen(["true"])
    dead.wait()
    (clone.root / ".venv").mkdir()
    (clone.root / ".venv" / "install.lock").write_text(f"{dead.pid}\n")
    result = clone.gencl()
    assert result.returncode == 0
    assert "waiting" not in result.stderr


def test_file_system_without_locks(clone: Clone):
    result = clone.gencl(FAKE_PRELUDE=NO_LOCKS)
    assert result.returncode == 0
    assert "this file system has no locks" in result.stderr


def test_killed_launcher_is_no_finished_installation(clone: Clone):
    first = clone.start(FAKE_PIP_AWAITS=str(clone.go))
    wait_until(clone.calls)
    first.kill()
    first.wait()
    second = clone.start()  # waits for the pip that was left behind, then installs on its own
    assert second.stderr is not None
    assert f"waiting for another gencl set-up (process {first.pid})" in second.stderr.readline()
    clone.go.touch()
    second.communicate(timeout=60)
    first.communicate(timeout=60)
    assert second.returncode == 0
    assert (len(clone.calls("venv")), len(clone.calls())) == (1, 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_while_installing(clone: Clone, number: signal.Signals):
    process = clone.start(FAKE_PIP_SECONDS="30")
    wait_until((clone.root / ".venv/install.tmp/download").exists)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (-number, "")
    assert err.splitlines()[1:] == ["gencl: set-up interrupted; run the command again to go on"]
    assert not (clone.root / ".venv/install.tmp").exists()
    result = clone.gencl()
    assert result.returncode == 0
    assert "waiting" not in result.stderr  # what pip had started (its sleep) has ended too, and let the lock go


def test_signal_while_waiting(clone: Clone):
    first = clone.start(FAKE_PIP_AWAITS=str(clone.go))
    wait_until((clone.root / ".venv/install.tmp/download").exists)
    second = clone.start()
    assert second.stderr is not None
    assert "waiting" in second.stderr.readline()
    second.terminate()
    second.communicate(timeout=60)
    assert second.returncode == -signal.SIGTERM
    assert (clone.root / ".venv/install.tmp/download").exists()  # the other's
    clone.go.touch()
    first.communicate(timeout=60)
    assert first.returncode == 0


def on_terminal(clone: Clone, *, typed: bytes = b"", **variables: str) -> tuple[int, str]:
    """Run cli/gencl with a terminal of its own, as a user does; `typed` goes in once pip is running."""
    ours, theirs = pty.openpty()

    adopt = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", adopt, str(clone.root / "cli" / "gencl")],
        env=clone.environment | variables,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=heed_signals,  # noqa: PLW1509  # no threads here
        start_new_session=True,
    )
    os.close(theirs)
    if typed:
        wait_until((clone.root / ".venv/install.tmp/download").exists)
        os.write(ours, typed)
    seen = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not chunk:
            break
        seen += chunk
    os.close(ours)
    return process.wait(timeout=60), seen.decode()


def test_terminal_shows_seconds(clone: Clone):
    status, seen = on_terminal(clone, FAKE_PIP_SECONDS="0.5")
    assert status == 0
    assert "\rgencl: installing packages, 0 s" in seen
    assert seen.replace("\r", "").endswith(f"in {Path.cwd()}\n")


def test_ctrl_c_on_a_terminal(clone: Clone):
    status, seen = on_terminal(clone, typed=b"\x03", FAKE_PIP_SECONDS="30")
    assert status == -signal.SIGINT
    assert seen.rstrip().endswith("gencl: set-up interrupted; run the command again to go on")
