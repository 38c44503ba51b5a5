"""What a test has loaded is taken out again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gencl.plugins import loaded_files, unload_plugin


@pytest.fixture(autouse=True)
def _unloaded() -> Iterator[None]:
    yield
    for path in loaded_files():
        unload_plugin(path)
