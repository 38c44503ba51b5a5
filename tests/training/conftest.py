"""Folders of pictures, and finished runs on them, for the tests of `gencl.extend`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.extending import Finished, copies, make_folders


@pytest.fixture(scope="package")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folders(tmp_path_factory.mktemp("folders"))


@pytest.fixture(scope="package")
def finished(tmp_path_factory: pytest.TempPathFactory, folders: Path) -> Finished:
    return copies(tmp_path_factory.mktemp("finished"), folders)
