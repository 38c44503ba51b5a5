"""The clone that these tests launch from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launchers.clone import Clone


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    clone = Clone(tmp_path)
    yield clone
    clone.go.touch()  # lets what a failed test left behind end
