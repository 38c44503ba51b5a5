"""Picture files of every kind and damage: how they are read, and what is said about those that cannot be."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gencl.core import waiting
from gencl.core.errors import GenclError, UsageError
from gencl.core.settings import DataSettings
from gencl.core.waiting import waited
from gencl.datasets.dataset import Dataset
from gencl.datasets.decode import SUFFIXES, Unusable, decode, strict
from gencl.datasets.folder import read_folder
from tests.datasets.test_folder import fill, noise


def read(path: Path, **data: Any) -> Dataset:
    return read_folder(path, DataSettings(**data))


def count(data: Dataset) -> int:
    return len(data.train) + len(data.test)


def plain(mode: str, colour: Any, size: int = 8) -> Image.Image:
    return Image.new(mode, (size, size), colour)


def palette_with_a_hole() -> Image.Image:
    image = plain("P", 1)
    image.putpalette([200, 0, 0, 0, 0, 90])
    image.putpixel((0, 0), 0)
    image.info["transparency"] = 0
    return image


@pytest.mark.parametrize(
    ("image", "suffix", "corner", "centre"),
    [
        (plain("CMYK", (0, 255, 255, 0)), "tif", (255, 0, 0), (255, 0, 0)),
        (palette_with_a_hole(), "png", (255, 255, 255), (0, 0, 90)),
        (plain("RGBA", (10, 20, 30, 0)), "png", (255, 255, 255), (255, 255, 255)),
        (plain("RGBA", (10, 20, 30, 255)), "webp", (10, 20, 30), (10, 20, 30)),
        (plain("LA", (40, 0)), "png", 255, 255),
        (plain("1", 1), "bmp", 255, 255),
        (plain("L", 77), "gif", 77, 77),
        (Image.fromarray(np.full((8, 8), 40_000, dtype=np.uint16)), "png", 156, 156),
        (Image.fromarray(np.full((8, 8), 40_000, dtype=np.int32)), "tiff", 156, 156),
    ],
)
def test_modes(image: Image.Image, suffix: str, corner: Any, centre: Any, tmp_path: Path) -> None:
    file = tmp_path / f"x.{suffix}"
    image.save(file, **({"lossless": True, "exact": True} if suffix == "webp" else {}))
    pixels = decode(file, None)
    shown = [np.broadcast_to(pixels[place], 3).tolist() for place in ((0, 0), (4, 4))]
    assert shown == [np.broadcast_to(value, 3).tolist() for value in (corner, centre)]


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_of_what_moves_the_first_frame_is_read(suffix: str, tmp_path: Path) -> None:
    frames = [plain("RGB", colour) for colour in ((200, 0, 0), (0, 200, 0))]
    frames[0].save(tmp_path / f"x.{suffix}", save_all=True, append_images=frames[1:])
    red, green, _ = decode(tmp_path / f"x.{suffix}", None)[4, 4]
    assert red > 180 and green < 30


def test_pictures_are_cropped_and_not_squeezed(tmp_path: Path) -> None:
    for name, shape in (("wide", (16, 48)), ("high", (48, 16))):
        pixels = np.zeros(shape, dtype=np.uint8)
        pixels[tuple(slice((side - 16) // 2, (side + 16) // 2) for side in shape)] = 250
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    data = read(tmp_path, size=8)
    assert torch.cat([data.train.images, data.test.images]).unique().tolist() == [250]


def test_large_photographs_are_decoded_at_a_fraction(tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 512).astype(np.uint8)
    Image.fromarray(np.broadcast_to(ramp, (512, 512))).save(tmp_path / "x.jpg", quality=95)
    assert decode(tmp_path / "x.jpg", None).shape == (512, 512)
    small = decode(tmp_path / "x.jpg", 32)
    assert small.shape == (64, 64) and abs(int(small[32, 32]) - 128) < 6


def huge_header(side: int) -> bytes:
    """A PNG of a few bytes that says it has side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def cut(file: Path) -> None:
    noise(1, 64, 64, 3).save(file, "JPEG" if file.suffix == ".jpg" else None)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut.jpg": (cut, "truncated"),
    "cut.png": (cut, "."),
    "cut.webp": (cut, "."),
    "empty.png": (lambda file: file.touch(), "none of PNG"),
    "text.jpg": (lambda file: file.write_text("<svg>"), "none of PNG"),
    "script.png": (lambda file: file.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), "none of PNG"),
    "point.png": (lambda file: noise(1, 1, 1).save(file), r"1x1 pixels are too few \(4 a side"),
    "bomb.png": (lambda file: file.write_bytes(huge_header(20_000)), "more than 89,478,485 pixels"),
    "large.png": (lambda file: file.write_bytes(huge_header(10_000)), "more than 89,478,485 pixels"),
    "hollow.png": (lambda file: file.write_bytes(huge_header(500)), "."),
    "float.tif": (lambda file: Image.fromarray(np.ones((8, 8), dtype=np.float32)).save(file), "floating-point"),
    "lost.png": (lambda file: file.symlink_to("nowhere"), "not a file"),
    "circle.png": (lambda file: file.symlink_to(file.name), "not a file"),
    "pipe.png": (os.mkfifo, "not a file"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_gives_no_picture_is_named_with_its_reason(name: str, tmp_path: Path) -> None:
    make, reason = BAD[name]
    make(tmp_path / name)
    with strict(), pytest.raises(Unusable, match=reason):
        decode(tmp_path / name, 32)


def test_broken_pictures_are_refused_or_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = fill(tmp_path / "a", range(20), (16, 16))
    for name, (make, _) in BAD.items():
        make(folder / name)
    for _ in range(2):  # the second time from the cache, which must not look whole
        with pytest.raises(GenclError, match=r"a/bomb\.png cannot be used: .*\(14 of 34 pictures in .*data\.broken=sk"):
            read(tmp_path, size=16)
        data = read(tmp_path, size=16, broken="skip")
        assert count(data) == 20
        shown = capsys.readouterr().err
        assert "left out 14 of 34 pictures" in shown and "cut.jpg (image file is truncated" in shown
        assert "and 4 more" in shown and shown.count("\n") == 1
    (folder / "bomb.png").unlink()
    with pytest.raises(GenclError, match=r"circle\.png cannot be used: .*\(13 of 33"):
        read(tmp_path, size=16)


def test_a_class_of_broken_pictures_alone_is_refused(tmp_path: Path) -> None:
    fill(tmp_path / "a", range(4))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.png").touch()
    with pytest.raises(UsageError, match="b holds no picture that can be used"):
        read(tmp_path, broken="skip")
    with pytest.raises(UsageError, match="holds no picture that can be used"):
        read(tmp_path / "b", broken="skip")


def test_small_pictures_are_not_blown_up_without_end(tmp_path: Path) -> None:
    fill(tmp_path, range(4), (7, 8))
    with pytest.raises(GenclError, match=r"8x7 pixels are too few \(8 a side are needed\)"):
        read(tmp_path, size=64)
    assert read(tmp_path, size=56).train.shape == (1, 56, 56)


def test_other_files_are_passed_over_and_every_suffix_is_read(tmp_path: Path) -> None:
    for seed, suffix in enumerate(SUFFIXES):
        noise(seed, 8, 8).save(tmp_path / f"x{suffix.upper()}", {"jpg": "JPEG"}.get(suffix[1:]))
    for name in ("notes.txt", "labels.csv", "._x.jpg", "film.mp4"):
        (tmp_path / name).write_text("no picture")
    (tmp_path / "labels").mkdir()
    assert count(read(tmp_path)) == len(SUFFIXES)


def test_a_class_is_all_that_lies_below_its_folder_and_no_link_leads_in_a_circle(tmp_path: Path) -> None:
    (
        fill(tmp_path / "a" / "deep" / "deeper", range(4)),
        fill(tmp_path / "a", range(9, 11)),
        fill(tmp_path / "b", range(3)),
    )
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "here").symlink_to(tmp_path)
    (tmp_path / "itself").symlink_to("itself")
    data = read(tmp_path)
    assert data.classes == ("a", "b") and count(data) == 9


def test_pictures_beside_folders_of_pictures_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, range(3)), fill(tmp_path / "a", range(3))
    with pytest.raises(UsageError, match=r"both loose pictures \(3, such as 000.png\) and folders .*such as a\)"):
        read(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_named_and_read_once_it_may(tmp_path: Path) -> None:
    folder = fill(tmp_path / "a", range(4))
    (folder / "001.png").chmod(0)
    with pytest.raises(GenclError, match=r"001\.png cannot be used: Permission denied \(1 of 4"):
        read(tmp_path)
    (folder / "001.png").chmod(0o600)
    assert count(read(tmp_path)) == 4
    folder.chmod(0)
    with pytest.raises(UsageError, match=r"a cannot be read: Permission denied"):
        read(tmp_path)
    folder.chmod(0o700)


def test_the_cache_serves_grey_and_colour_and_tells_twins_apart(tmp_path: Path) -> None:
    """Two folders of equal names, lengths and times: pictures without compression, unpacked from an archive."""
    for name, value in (("one", 10), ("two", 200)):
        (tmp_path / name).mkdir()
        for i in range(3):
            plain("RGB", (value, i, 0)).save(tmp_path / name / f"{i}.bmp")
            os.utime(tmp_path / name / f"{i}.bmp", ns=(1, 1))
    one, two = (read(tmp_path / name).train.images[0, 0, 0, 0].item() for name in ("one", "two"))
    assert (one, two) == (10, 200)
    assert read(tmp_path / "one", channels=1).train.shape == (1, 8, 8)


def test_names_are_shown_on_one_line(tmp_path: Path) -> None:
    names = ["two words", "<script>alert(1)<", "line\nbreak", "-dash", "ünï", "esc\x1b[31m", os.fsdecode(b"raw\xff")]
    for i, name in enumerate(names):
        fill(tmp_path / name.replace("/", ""), range(10 * i, 10 * i + 2))
    data = read(tmp_path)
    assert set(data.classes) == {*names[:2], r"line\nbreak", *names[3:5], r"esc\x1b[31m", r"raw\udcff"}
    assert all(name.isprintable() for name in data.classes)


def test_waiting_changes_nothing_and_says_how_long_it_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(waited(iter("abc"), 3, "waiting")) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(waiting, "LINE_SECONDS", 0.0)
    assert list(waited(iter(range(2000)), 2000, "reading")) == list(range(2000))
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("reading: 1 of 2,000, about 0:00:0") and said[0].endswith(" to go") and len(said) < 20
