"""Fixtures of the cache of decoded pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.datasets.test_folder import fill


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where files of decoded pictures go: a cache of the test's own."""
    monkeypatch.setenv("GENCL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pictures"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of pictures, in colour."""
    fill(tmp_path / "own" / "left", range(12), (8, 8, 3)), fill(tmp_path / "own" / "right", range(50, 60), (8, 8, 3))
    return tmp_path / "own"
