"""The cache: what is in it, what goes first, and what stays because a process uses it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from gencl.core import cache
from gencl.core.errors import UsageError
from gencl.core.settings import DataSettings
from gencl.datasets.folder import read_folder
from tests.conftest import gencl as command
from tests.datasets.test_folder import fill


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENCL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(cache.SIZE, raising=False)
    return tmp_path / "cache"


def keep(file: Path, size: int, hours_ago: float) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(bytes(size))
    os.utime(file, (time.time() - 3600 * hours_ago,) * 2)
    return file


def test_the_least_recently_used_goes_first(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = [keep(root / "readers" / f"old.{suffix}", 40, 9) for suffix in ("safetensors", "json")]
    middle, new = keep(root / "pictures" / "middle", 100, 5), keep(root / "statistics" / "new.safetensors", 100, 1)
    weights = keep(root / "weights" / "inception.pth", 10_000, 99)
    written = keep(root / "pictures" / ".being-written.12345678.part", 100, 99)
    monkeypatch.setenv(cache.SIZE, "280B")
    cache.trim()
    assert all(file.exists() for file in (*old, middle, new))
    cache.used(old[0])
    monkeypatch.setenv(cache.SIZE, "200B")
    cache.trim()
    assert not middle.exists() and all(file.exists() for file in (*old, new, weights, written))
    monkeypatch.setenv(cache.SIZE, "0")
    cache.trim()
    assert not new.exists() and old[0].exists()  # it was used just now


@pytest.mark.parametrize(("text", "size"), [("500MB", 5 * 10**8), ("1.5g", 15 * 10**8), ("2 TB", 2 * 10**12), ("7", 7)])
def test_a_size_has_a_unit(text: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.SIZE, text)
    assert cache.limit() == size


def test_a_wrong_size_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(cache.SIZE, "much")
    with pytest.raises(UsageError, match=r"\$GENCL_CACHE_SIZE is 'much'; write a size such as 500MB"):
        read_folder(fill(tmp_path / "own", range(9)), DataSettings())
    assert command("data", "cache").returncode == 2


def test_pictures_that_are_mapped_stay_and_go_once_nobody_uses_them(root: Path, tmp_path: Path) -> None:
    """The process that uses them is another one."""
    folder = fill(tmp_path / "own", range(9))
    program = (
        "import sys; from pathlib import Path; from gencl.core.settings import DataSettings\n"
        "from gencl.datasets.folder import read_folder\n"
        "found = read_folder(Path(sys.argv[1]), DataSettings())\n"
        "print('ready', flush=True); sys.stdin.readline(); print(int(found.train.images.sum()))"
    )
    user = subprocess.Popen([sys.executable, "-c", program, folder], stdin=-1, stdout=-1, text=True)
    assert user.stdin is not None and user.stdout is not None
    assert user.stdout.readline() == "ready\n"
    (file,) = (root / "pictures").iterdir()
    done = command("data", "cache", "--clear")
    assert "removed 0 entries of 0 bytes; 1 stay, which running processes use" in done.stdout and file.exists()
    answer, _ = user.communicate("go\n", timeout=100)
    mine = read_folder(folder, DataSettings())
    assert int(answer) == int(mine.train.images.sum())
    assert cache.clear()[0] == []  # this process uses them
    del mine
    assert command("data", "cache", "--clear").stdout.count("removed 1 entries") == 1 and not file.exists()


def test_a_new_folder_takes_the_place_of_one_not_used_for_long(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_folder(fill(tmp_path / "one", range(9)), DataSettings())
    (first,) = (root / "pictures").iterdir()
    os.utime(first, (time.time() - 3600,) * 2)
    monkeypatch.setenv(cache.SIZE, "1kB")
    second = read_folder(fill(tmp_path / "two", range(9)), DataSettings())
    assert len(list((root / "pictures").iterdir())) == 1 and not first.exists()
    assert torch.equal(second.train.images, read_folder(tmp_path / "two", DataSettings()).train.images)


def test_the_command_lists_what_there_is(root: Path) -> None:
    keep(root / "pictures" / "a", 3_100_000, 1), keep(root / "weights" / "net.pth", 5000, 1)
    shown = command("data", "cache").stdout
    assert "3.1 MB of at most 10 GB ($GENCL_CACHE_SIZE)" in shown
    assert "pictures" in shown and "decoded pictures" in shown and "not cleared" in shown
    assert command("data", "cache", "--clear").stdout == f"{root}: removed 1 entries of 3.1 MB\n"
    assert (root / "weights" / "net.pth").exists()
