"""No room imports what stands above it, and nothing imports in circles: the contracts of pyproject.toml."""

from __future__ import annotations

from pathlib import Path

import pytest
from importlinter.cli import lint_imports


def test_rooms_stand_on_each_other(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(Path(__file__).parents[1])
    status = lint_imports(no_cache=True)
    assert status == 0, capsys.readouterr().out
