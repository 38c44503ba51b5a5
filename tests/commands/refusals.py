"""A command that must fail: its exit status, and its one message."""

from __future__ import annotations

import pytest

import gencl.commands


def wrong(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    """Exit status and message of a command that must fail, run within this process."""
    monkeypatch.setattr("sys.argv", ["gencl", *arguments])
    with pytest.raises(SystemExit) as leave:
        gencl.commands.main()
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.strip().splitlines()
    assert 1 <= len(lines) <= 3 and "Traceback" not in shown.err, shown.err
    return int(str(leave.value.code)), shown.err
