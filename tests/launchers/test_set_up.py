"""Set-ups side by side, and cut off."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.launchers.clone import Clone, wait_until

INTERRUPTED = "gencl: set-up interrupted; run the command again to go on"
WAITING = "gencl: waiting for another gencl set-up …\n"


@pytest.mark.parametrize("lock", ["flock", "python3"])
def test_three_at_the_same_time_install_once(clone: Clone, lock: str):
    if lock == "python3":  # as on macOS
        (clone.tools / "flock").unlink(missing_ok=True)
        (clone.tools / "python3").symlink_to(sys.executable)
    processes = [clone.start(FAKE_PIP_AWAITS=str(clone.go)) for _ in range(3)]
    first_lines = [process.stderr.readline() for process in processes if process.stderr is not None]
    clone.go.touch()
    results = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert results == [(f"in {clone.outside}\n", "")] * 3
    assert (len(clone.calls("venv")), len(clone.calls())) == (1, 1)
    assert sorted(line == WAITING for line in first_lines) == [False, True, True]


def test_killed_launcher_is_no_finished_installation(clone: Clone):
    first = clone.start(FAKE_PIP_AWAITS=str(clone.go))
    wait_until(lambda: clone.downloading)
    first.kill()
    first.wait()
    second = clone.start()  # waits for the pip that was left behind, then installs on its own
    assert second.stderr is not None and second.stderr.readline() == WAITING
    clone.go.touch()
    for process in (second, first):
        process.communicate(timeout=60)
    assert second.returncode == 0
    assert (len(clone.calls("venv")), len(clone.calls())) == (2, 2)


def ended(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    status = Path(f"/proc/{process}/stat")
    return status.exists() and ") Z " in status.read_text()  # nobody here waits for it


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_while_installing(clone: Clone, number: signal.Signals):
    process = clone.start(FAKE_PIP_AWAITS=str(clone.go))
    wait_until(lambda: clone.downloading)
    child = int(clone.download.read_text())
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (-number, "")
    assert err.splitlines()[1:] == [INTERRUPTED]
    wait_until(lambda: ended(child))
    assert clone.gencl().returncode == 0
    assert (len(clone.calls("venv")), len(clone.calls())) == (2, 2)  # from scratch
    assert not clone.downloading


def test_signal_while_waiting(clone: Clone):
    first = clone.start(FAKE_PIP_AWAITS=str(clone.go))
    wait_until(lambda: clone.downloading)
    second = clone.start()
    assert second.stderr is not None and second.stderr.readline() == WAITING
    second.terminate()
    second.communicate(timeout=60)
    assert second.returncode == -signal.SIGTERM
    clone.go.touch()
    first.communicate(timeout=60)
    assert first.returncode == 0 and len(clone.calls()) == 1
