"""No room imports what stands above it, nothing imports in circles, and drawing images loads no evaluation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports


def test_rooms_stand_on_each_other(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(Path(__file__).parents[1])
    status = lint_imports(no_cache=True)
    assert status == 0, capsys.readouterr().out


def test_drawing_images_does_not_import_what_measures_them() -> None:
    """torchvision, which torch-fidelity imports, nearly doubles the CPU time of `gencl sample`."""
    code = "import gencl, sys; gencl.load_run; print(*{'torchvision', 'torch._dynamo', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stdout.split()
