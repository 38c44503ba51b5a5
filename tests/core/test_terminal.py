"""A run goes on whatever standard error is: nothing, closed, hardly a stream, or a terminal without a width."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import gencl
from gencl.core.command import python
from gencl.core.progress import Mode
from gencl.core.terminal import console
from gencl.core.waiting import say, waited
from tests.conftest import tiny


class Hung:
    """A terminal that was closed."""

    def write(self, *_: str) -> int:
        raise OSError(5, "Input/output error")

    flush = isatty = write


class WriteAlone:
    """As services and notebooks put in its place."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("own")
    for seed, name in enumerate("aaaabbbb"):
        (root / name).mkdir(exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(root / name / f"{seed}.png")
    (root / "a" / "broken.png").write_text("no picture")
    return root


@pytest.mark.parametrize("mode", ["auto", "silent"])
@pytest.mark.parametrize("stream", [None, closed(), Hung(), WriteAlone()], ids=["none", "closed", "hung", "write"])
def test_a_run_goes_on(stream: Any, mode: Mode, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sets = [*tiny("digits-mlp"), f"data.name={folder}", "data.broken=skip", "scenario.classes_per_task=1"]
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        run = gencl.train("digits-mlp", "sgd", 0, tmp_path, set=[*sets, "scenario.tasks=2"], progress=mode)
        assert list(waited(range(3), 3, "counting")) == [0, 1, 2]
        say("a line")
    assert run.finished
    if isinstance(stream, WriteAlone):
        assert ("task a learned" in stream.text) or mode == "silent"


@pytest.mark.parametrize("columns", ["0", "1", "-3", "x", ""])
def test_a_width_that_is_none_does_not_count(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert console(errors=False).width >= 20
    monkeypatch.setenv("COLUMNS", "97")
    assert console().width == 97


def test_nothing_is_imported_from_the_folder_it_is_started_in(tmp_path: Path) -> None:
    for name in ("random.py", "queue.py", "torch.py", "gencl/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("raise SystemExit('of the user')")
    words = python("gencl", "list", "methods")
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0 and ended.stdout.startswith("sgd"), ended.stderr
