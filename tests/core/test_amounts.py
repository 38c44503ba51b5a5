"""Times and memory as people read them, and how much memory there is."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
import torch

from gencl.core import free_memory as free
from gencl.core.amounts import duration, memory
from gencl.core.peak import Peak

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 second"), (40.4, "40 seconds"), (180, "3 minutes"), (5990, "100 minutes"), (12600, "3.5 hours")],
)
def test_times(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(("size", "words"), [(10, "1 MiB"), (60 * 2**20, "60 MiB"), (4e12, "3,725.3 GiB")])
def test_memory(size: float, words: str) -> None:
    assert memory(size) == words


def limited(folder: Path, limit: str) -> Path:
    """A container's files: 900 MiB in use, of which 100 MiB can be given back."""
    for name, text in (("max", limit), ("current", 900 * 2**20), ("stat", f"anon 5\ninactive_file {100 * 2**20}")):
        (folder / f"memory.{name}").write_text(f"{text}\n")
    return folder


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free, "_CONTAINER", limited(tmp_path, str(2**30)))
    assert free.free_memory(CPU) == 224 * 2**20
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert free.free_memory(CPU) == 112 * 2**20


@pytest.mark.parametrize("limit", ["max", "", None])
def test_without_a_limit_it_is_the_machines(limit: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free, "_CONTAINER", tmp_path if limit is None else limited(tmp_path, limit))
    assert 0 < free.free_memory(CPU) <= psutil.virtual_memory().total


def test_the_most_at_a_time_counts_each_storage_while_it_lives() -> None:
    with Peak() as peak:
        first = torch.zeros(1000, device="meta")
        view, second = first[10:], torch.zeros(500, device="meta")
        del first, second
        torch.zeros(200, device="meta")
    assert peak.bytes == 4 * 1500 and len(view) == 990
