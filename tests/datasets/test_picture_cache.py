"""Decoded pictures in the cache: read from it, made again, made by several at once, and where there is no room."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gencl.core.settings import DataSettings
from gencl.datasets.dataset import Dataset, Split
from gencl.datasets.folder import list_folder, pictures_below, read_folder
from gencl.datasets.pictures import read_pictures
from tests.datasets.test_folder import fill, noise


def read(path: Path, **data: Any) -> Dataset:
    return read_folder(path, DataSettings(**data))


def pixels(found: Dataset) -> Tensor:
    return torch.cat([found.train.images, found.test.images])


def only(cache: Path) -> Path:
    """The cache's only file."""
    (file,) = cache.iterdir()
    return file


def identity(file: Path) -> tuple[int, int]:
    """Another one once the file is written again."""
    return file.stat().st_ino, file.stat().st_mtime_ns


def test_a_second_load_decodes_nothing_and_reads_nothing_before_it_is_needed(cache: Path, folder: Path) -> None:
    first = read(folder)
    made = identity(only(cache))
    again = read(folder)
    assert identity(only(cache)) == made and torch.equal(pixels(first), pixels(again))
    assert again.train.store is again.test.store and again.train.store.on_disk
    some = again.train.select(again.train.labels == 1).select(torch.arange(3))
    assert some.store is again.train.store  # no copy
    assert torch.equal(some.images, again.train.images[again.train.labels == 1][:3])


def test_each_size_and_grey_have_a_file_and_all_classes_and_channels_share_it(cache: Path, folder: Path) -> None:
    read(folder), read(folder, channels=3)
    flat = read_pictures(folder, [pictures_below(folder)], DataSettings()).part
    assert len(list(cache.iterdir())) == 1 and len(flat) == 22
    read(folder, size=4), read(folder, channels=1)
    assert len(list(cache.iterdir())) == 3


def test_grey_ones_are_shown_as_colour_ones_and_take_no_more_room(cache: Path, tmp_path: Path) -> None:
    found = [read(fill(tmp_path / "grey", range(9)), channels=channels) for channels in (None, 3)]
    assert [data.train.shape for data in found] == [(1, 8, 8), (3, 8, 8)]
    assert torch.equal(found[1].train.images, found[0].train.images.expand(-1, 3, -1, -1))
    assert 9 * 64 < only(cache).stat().st_size < 9 * 64 * 3


def test_a_colour_picture_among_grey_ones_makes_all_of_them_colour(cache: Path, tmp_path: Path) -> None:
    fill(tmp_path / "mixed", range(9))
    noise(20, 8, 8, 3).save(tmp_path / "mixed" / "zebra.png")
    found = pixels(read(tmp_path / "mixed"))
    grey = (found[:, :1] == found).all(3).all(2).all(1)
    assert found.shape == (10, 3, 8, 8) and grey.sum() == 9
    assert [file.name.endswith(".part") for file in cache.iterdir()] == [False]


CHANGES: dict[str, Callable[[Path], object]] = {
    "changed": lambda folder: noise(99, 8, 8, 3).save(folder / "left" / "003.png"),
    "added": lambda folder: noise(99, 8, 8, 3).save(folder / "left" / "more.png"),
    "gone": lambda folder: (folder / "right" / "055.png").unlink(),
    "renamed": lambda folder: (folder / "right" / "055.png").rename(folder / "right" / "055b.png"),
    "replaced, with the old one's time": lambda folder: _replaced(folder / "left" / "003.png"),
}


def _replaced(file: Path) -> None:
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    noise(99, 8, 8, 3).save(file)
    os.utime(file, ns=times)


@pytest.mark.parametrize("name", CHANGES)
def test_changed_files_are_decoded_again_in_place(
    name: str, cache: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = pixels(read(folder))
    made = identity(only(cache))
    CHANGES[name](folder)
    after = pixels(read(folder))
    assert identity(only(cache)) != made and capsys.readouterr().err == ""
    expected = {np.asarray(noise(seed, 8, 8, 3)).tobytes() for seed in (*range(12), *range(50, 60))}
    found = {image.permute(1, 2, 0).contiguous().numpy().tobytes() for image in after}
    assert len(before) == 22 and len(found ^ expected) == {"gone": 1, "added": 1, "renamed": 0}.get(name, 2)


def test_two_processes_that_decode_at_once_agree(cache: Path, folder: Path, tmp_path: Path) -> None:
    fill(folder / "left", range(100, 400), (64, 64, 3))
    program = (
        "import sys; from pathlib import Path; from gencl.core.settings import DataSettings\n"
        "from gencl.datasets.folder import read_folder\n"
        "print(end='ready\\n', flush=True); sys.stdin.readline()\n"
        "found = read_folder(Path(sys.argv[1]), DataSettings(size=32))\n"
        "print(found.train.fingerprint(), found.test.fingerprint())"
    )
    command = [sys.executable, "-c", program, folder]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=300)[0] for process in both]
    mine = read(folder, size=32)
    assert answers[0] == answers[1] == f"{mine.train.fingerprint()} {mine.test.fingerprint()}\n"
    assert [process.returncode for process in both] == [0, 0] and only(cache).suffix != ".part"


def test_what_a_killed_process_left_is_removed(cache: Path, folder: Path) -> None:
    cache.mkdir(parents=True)
    left, written = cache / ".name.abcdefgh.part", cache / ".name.12345678.part"
    left.touch(), written.touch()
    os.utime(left, (0, 0))
    read(folder)
    assert not left.exists() and written.exists()


@pytest.fixture
def no_room() -> Iterator[None]:
    """No file can become larger than 2,000 bytes, as on a disk that is nearly full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_without_room_in_the_cache_pictures_stay_in_memory(
    cache: Path, folder: Path, no_room: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read(folder)
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "cannot write" in said and "decoded again at each start" in said
    assert not found.train.store.on_disk and list(cache.iterdir()) == []
    (cache.parent / "file").touch()
    monkeypatch.setenv("GENCL_CACHE", str(cache.parent / "file"))  # no folder can be made there
    assert torch.equal(pixels(read(folder)), pixels(found))
    assert "Not a directory" in capsys.readouterr().err


def test_what_is_on_disk_has_the_fingerprint_that_it_would_have_in_memory(cache: Path, folder: Path) -> None:
    part = read(folder).train
    plain = Split(part.images.clone(), part.labels)
    mirror = torch.arange(64).view(8, 8).flip(1).flatten()
    for _ in range(2):  # the second time it is remembered
        assert part.fingerprint() == plain.fingerprint()
        assert part.permuted(mirror).fingerprint() == plain.permuted(mirror).fingerprint()
    assert len(list((cache.parent / "fingerprints").iterdir())) == 2
    fewer = part.select(torch.arange(4))
    assert fewer.fingerprint() == Split(fewer.images, fewer.labels).fingerprint() != part.fingerprint()


def test_folders_one_after_another_are_not_copied(cache: Path, folder: Path, tmp_path: Path) -> None:
    parts = [read(folder).train, read(fill(tmp_path / "other", range(20, 30), (8, 8, 3))).train, read(folder).test]
    joined = Split.concatenate(parts)
    whole = torch.cat([part.images for part in parts])
    assert joined.store.on_disk and torch.equal(joined.images, whole)
    rows = torch.randperm(len(whole), generator=torch.Generator().manual_seed(0))
    assert torch.equal(joined.take(rows), whole[rows])
    assert torch.equal(joined.select(rows[:5]).images, whole[rows[:5]])
    assert joined.fingerprint() == Split(whole, joined.labels).fingerprint()


def test_a_test_part_of_other_channels_is_brought_to_those_of_the_training_part(cache: Path, tmp_path: Path) -> None:
    for part, shape in (("train", (8, 8)), ("test", (8, 8, 3))):
        for name in ("x", "y"):
            fill(tmp_path / "parts" / part / name, range(len(part) + ord(name), len(part) + ord(name) + 3), shape)
    found = read(tmp_path / "parts")
    assert found.train.shape == found.test.shape == (3, 8, 8) and found.test.labels.tolist() == [0] * 3 + [1] * 3
    assert list_folder(tmp_path / "parts").test is not None


def test_the_pictures_of_a_file_are_named_by_json_that_others_can_read(cache: Path, folder: Path) -> None:
    """The format: pixels, then JSON, its length, and a mark."""
    expected = read_pictures(folder, [pictures_below(folder)], DataSettings())
    content = only(cache).read_bytes()
    mark = b"\ngencl pictures\n"
    assert content.endswith(mark)
    end = len(content) - len(mark) - 8
    start = end - int.from_bytes(content[end : end + 8], "little")
    about = json.loads(content[start:end])
    assert about["shape"] == [3, 8, 8] and start == 22 * 3 * 8 * 8
    images = np.frombuffer(content[:start], np.uint8).reshape(-1, *about["shape"])
    order = np.argsort(np.array(about["content"]))
    assert np.array_equal(images[order], expected.part.images.numpy())
