"""Names of data sets as the library ``datasets`` knows them: malformed, absent, without the Hub; nothing is fetched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gencl.core.errors import GenclError, UsageError
from gencl.core.settings import DataSettings
from gencl.datasets.load import load_dataset
from tests.conftest import gencl as command
from tests.datasets.test_hugging_face import CATS_AND_DOGS, home, parquet, read

__all__ = ["home"]  # a fixture of every test here


@pytest.mark.parametrize("name", ["hf:", "hf:name@", "hf:a/b/c", "hf:a b"])
def test_malformed_names_are_told(name: str) -> None:
    with pytest.raises(GenclError, match="is no name of a data set on the Hub; write hf:OWNER/NAME"):
        load_dataset(name, DataSettings())


def test_without_the_hub_one_line_says_so(tmp_path: Path) -> None:
    """In a process of its own, whose libraries read the variable when they are imported."""
    program = "import sys; from gencl.commands import main; sys.argv = ['gencl', *sys.argv[1:]]; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "data", "prepare", "hf:nobody/nothing"],
        capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "hf:nobody/nothing is not in the cache" in done.stderr


def test_what_was_fetched_is_read_without_the_hub_and_named_with_its_revision(tmp_path: Path, home: Path) -> None:
    read(parquet(tmp_path / "own", CATS_AND_DOGS, {"label": [0, 1] * 5}))
    revision = "0123456789abcdef0123456789abcdef01234567"
    (home / "own").rename(home / "somebody___own")  # as if it had come from the Hub
    (prepared,) = (each for each in (home / "somebody___own").glob("*/*/*") if each.is_dir())
    prepared.rename(prepared.parent / revision)
    assert load_dataset("hf:somebody/own", DataSettings()).name == "hf:somebody/own@0123456789ab"
    assert load_dataset(f"hf:somebody/own@{revision}", DataSettings()).classes == ("cat", "dog")
    with pytest.raises(GenclError, match="the cache holds the revision 0123456789abcdef"):
        load_dataset("hf:somebody/own@v2", DataSettings())


def test_a_folder_of_the_same_name_is_not_taken_for_one_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    parquet(tmp_path / "own", CATS_AND_DOGS, {"label": [0, 1] * 5})
    with pytest.raises(UsageError, match=r"for it write hf:\./own"):
        load_dataset("hf:own", DataSettings())


def test_a_folder_may_be_named_from_where_one_is(tmp_path: Path) -> None:
    parquet(tmp_path / "own", CATS_AND_DOGS, {"label": [0, 1] * 5})
    done = command("data", "check", "hf:./own", cwd=tmp_path)
    assert done.returncode == 0 and "8 training and 2 test images of 3x8x8" in done.stdout
    done = command("data", "check", "hf:./other", cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
