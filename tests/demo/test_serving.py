"""Ports, addresses, wrong use of the command, and HTML that no name of a class can break out of."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
from PIL import Image

import gencl
from gencl.core.errors import UsageError
from gencl.demo.markup import html
from gencl.demo.server import PORT, TRIES, address, has_display, listen
from gencl.demo.sheet import Answers, Cell, Row, Sheet
from tests.conftest import gencl as command


def test_ports() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert address(first) == f"http://127.0.0.1:{port}/"
        with pytest.raises(UsageError, match=f"--port {port} is taken"):
            listen("127.0.0.1", port)
    with listen("127.0.0.1", None) as one, listen("127.0.0.1", None) as other:
        ports = [listening.getsockname()[1] for listening in (one, other)]
        assert PORT <= ports[0] < ports[1] < PORT + TRIES


def test_hosts() -> None:
    with listen("0.0.0.0", 0) as everywhere:
        assert address(everywhere) == f"http://127.0.0.1:{everywhere.getsockname()[1]}/"
    with pytest.raises(UsageError, match=r"--host 192\.0\.2\.1 is no address of this machine"):
        listen("192.0.2.1", 0)


def test_displays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not has_display()
    monkeypatch.setenv("DISPLAY", ":0")
    assert has_display()


def test_names_cannot_break_out() -> None:
    evil = '<script>"&'
    picture = Image.new("L", (8, 8))
    sheet = Sheet(evil, (Row(evil, (Cell(evil, picture), Cell(evil))),), 8)
    text = html(evil, [sheet, Answers(evil, ((evil, 0.5),))])
    assert "<script>" not in text and 'alt="&lt;script&gt;&quot;&amp;"' in text and "50.0%" in text
    assert "--side: 72px" in text and html("", [], "Nothing.") == html("x", [], "Nothing.")


def test_wrong_use(digits: gencl.Run, tmp_path: Path) -> None:
    pytest.importorskip("gradio")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command("demo", digits.path, "--port", str(port))
    assert done.returncode == 2 and done.stderr == (
        f"gencl: --port {port} is taken by another program; name another, or none for the next free one\n"
    )
    for arguments, message in (
        (["nowhere"], "nowhere does not exist"),
        ([digits.path, "--port", "70000"], "70000 is not in the range"),
        ([digits.path, "--device", "cuda"], "no GPU"),
    ):
        done = command("demo", *arguments, cwd=tmp_path)
        assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1


def test_a_missing_extra(digits: gencl.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)  # as if it were not installed
    done = command("demo", digits.path)
    assert done.returncode == 2 and "demo: the package gradio is not installed; pip install" in done.stderr
    assert "[demo]" in done.stderr and done.stderr.count("\n") == 1
