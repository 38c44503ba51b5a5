"""Data sets come from a stand-in for the Hub, with their revision; once they are there, the Hub may be away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.datasets.test_hugging_face import CATS_AND_DOGS, parquet
from tests.uses.hub_server import Hub, Repository

PROGRAM = """
import sys
from gencl.core.errors import GenclError
from gencl.core.settings import DataSettings
from gencl.datasets.load import load_dataset
for name in sys.argv[1:]:
    try:
        found = load_dataset(name, DataSettings())
        print(found.name, found.classes, len(found.train), len(found.test))
    except GenclError as error:
        print(error)
"""


def loaded(url: str, home: Path, *names: str) -> list[str]:
    """What a process says of data sets: the libraries read the Hub's address when they are imported."""
    places = {"HF_ENDPOINT": url, "HF_HOME": str(home), "GENCL_CACHE": str(home / "gencl"), "HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-c", PROGRAM, *names]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=300, env={**os.environ, **places}
    )
    return done.stdout.splitlines()


def test_data_sets_are_fetched_with_their_revision_and_read_again_while_the_hub_is_away(tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="the extra datasets is not installed")
    folder = parquet(tmp_path / "own", CATS_AND_DOGS, {"label": [0, 1] * 5})
    parquet(folder, CATS_AND_DOGS, {"label": [0, 1, 1]}, part="test")
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    with Hub() as hub:
        hub.repositories["ada/pets"] = Repository({"README.md": b"pets", **files})
        hub.repositories["ada/code"] = Repository({"code.py": b"raise SystemExit"})
        revision = hub.repositories["ada/pets"].commit
        wanted = [f"hf:ada/pets@{revision[:12]}", "('cat',", "'dog')", "10", "3"]
        fetched, other, absent, code = loaded(
            hub.url, tmp_path / "home", "hf:ada/pets", "hf:ada/pets@v9", "hf:ada/none", "hf:ada/code"
        )
        hub.failing = 503
        assert loaded(hub.url, tmp_path / "home", "hf:ada/pets")[-1].split() == wanted
        hub.shutdown()
    assert fetched.split() == wanted
    assert other == "hf:ada/pets@v9: the data set has no such revision"
    assert absent.startswith("hf:ada/none: the Hub has no such data set, or it is private")
    assert "needs code of its own to be read, which gencl never runs" in code
    away = "http://127.0.0.1:9"  # the port of a service that nobody runs
    again, never = loaded(away, tmp_path / "home", "hf:ada/pets", "hf:ada/none")
    assert again.split() == wanted
    assert never.startswith("hf:ada/none is not in the cache, and the Hub is not asked or does not answer")
