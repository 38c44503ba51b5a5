"""Folders of pictures: layouts, the split by content, the cache, and what is said about what does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gencl.core.errors import GenclError, UsageError
from gencl.core.settings import DataSettings
from gencl.datasets.folder import read_folder
from gencl.datasets.load import load_dataset


def noise(seed: int, *shape: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def fill(folder: Path, seeds: range, shape: tuple[int, ...] = (8, 8)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        noise(seed, *shape).save(folder / f"{seed:03d}.png")
    return folder


def read(path: Path, **data: Any) -> Any:
    return read_folder(path, DataSettings(**data))


def test_sub_folders_are_classes_and_a_share_is_kept_for_testing(tmp_path: Path) -> None:
    fill(tmp_path / "b", range(10)), fill(tmp_path / "a", range(20, 40))
    (tmp_path / "a" / "notes.txt").write_text("not a picture")
    (tmp_path / ".hidden").mkdir()
    data = read(tmp_path, test=0.3)
    assert data.name == tmp_path.name and data.classes == ("a", "b")
    assert data.test.labels.bincount().tolist() == [6, 3] and data.train.labels.bincount().tolist() == [14, 7]
    expected = {noise(seed, 8, 8).tobytes() for seed in range(20, 40)}
    both = [*data.train.select(data.train.labels == 0).images, *data.test.select(data.test.labels == 0).images]
    assert {image.numpy().tobytes() for image in both} == expected


def test_names_of_files_have_no_part_in_the_split(tmp_path: Path) -> None:
    fill(tmp_path / "one" / "a", range(12))
    (tmp_path / "two" / "a").mkdir(parents=True)
    for seed in range(12):
        noise(seed, 8, 8).save(tmp_path / "two" / "a" / f"{(seed * 7) % 12:03d}.png")
    one, two = read(tmp_path / "one"), read(tmp_path / "two")
    assert torch.equal(one.test.images, two.test.images) and torch.equal(one.train.images, two.train.images)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_copies_fall_on_one_side_in_their_class_and_in_others(tmp_path: Path, share: float) -> None:
    fill(tmp_path / "a", range(12)), fill(tmp_path / "b", range(6, 18))
    for seed in range(6):
        noise(seed, 8, 8).save(tmp_path / "a" / f"copy-{seed}.png")
    data = read(tmp_path, test=share)
    sides = [{image.numpy().tobytes() for image in part.images} for part in (data.train, data.test)]
    assert not sides[0] & sides[1] and len(sides[0] | sides[1]) == 18
    assert data.train.labels.unique().tolist() == data.test.labels.unique().tolist() == [0, 1]


def test_a_folder_with_its_own_split(tmp_path: Path) -> None:
    for part, seeds in (("train", range(6)), ("test", range(50, 52))):
        for name in ("x", "y"):
            fill(tmp_path / part / name, seeds, (8, 8, 3))
    data = read(tmp_path)
    assert (len(data.train), len(data.test)) == (12, 4) and data.train.shape == (3, 8, 8)


def test_classes_with_their_own_splits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("x", "y"):
        fill(tmp_path / name / "train", range(6)), fill(tmp_path / name / "val", range(50, 52))
    data = read(tmp_path)
    assert data.classes == ("x", "y") and (len(data.train), len(data.test)) == (12, 4)
    fill(tmp_path / "z", range(70, 76))
    data = read(tmp_path)
    assert data.classes == ("x", "y", "z") and len(data.train) + len(data.test) == 22
    assert "x has train and val, but z has not" in capsys.readouterr().err


def test_what_is_left_out_of_a_class_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("x", "y"):
        for part, seeds in (("train", range(6)), ("test", range(50, 52)), ("more", range(60, 63))):
            fill(tmp_path / name / part, seeds)
    data = read(tmp_path)
    assert (len(data.train), len(data.test)) == (12, 4)
    assert "x: train and test are read; left out: more" in capsys.readouterr().err
    fill(tmp_path / "x", range(70, 72))  # beside them
    data = read(tmp_path)
    assert len(data.train) + len(data.test) == 24 and "are mixed" in capsys.readouterr().err


def test_a_folder_of_nothing_but_pictures_is_one_class(tmp_path: Path) -> None:
    data = read(fill(tmp_path / "cats", range(5)))
    assert data.classes == ("cats",) and (len(data.train), len(data.test)) == (4, 1)


def test_modes_and_sizes_are_brought_to_one(tmp_path: Path) -> None:
    folder = fill(tmp_path / "a", range(3), (8, 8))
    fill(tmp_path / "a", range(10, 12), (16, 8, 3))
    noise(20, 8, 8, 4).save(folder / "alpha.png")
    Image.fromarray(np.full((8, 8), 40_000, dtype=np.uint16)).save(folder / "deep.PNG")
    data = read(tmp_path, size=6)
    assert data.train.shape == (3, 6, 6) and len(data.train) + len(data.test) == 7
    every = torch.cat([data.train.images, data.test.images])
    assert any((image == 40_000 >> 8).all() for image in every)
    assert read(tmp_path, size=6, channels=1).train.shape == (1, 6, 6)


def test_pictures_lie_upright(tmp_path: Path) -> None:
    fill(tmp_path / "a", range(2), (8, 4))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    noise(3, 4, 8).save(tmp_path / "a" / "turned.jpg", exif=exif)
    assert read(tmp_path).train.shape == (1, 8, 4)


def test_a_named_set_may_lie_as_a_folder(tmp_path: Path) -> None:
    for letter in "AB":
        seeds = range(ord(letter) * 9, ord(letter) * 9 + 5)
        fill(tmp_path / "notmnist" / letter, seeds)
        fill(tmp_path / "caltech101" / "101_ObjectCategories" / letter, seeds)
    fill(tmp_path / "caltech101" / "101_ObjectCategories" / "BACKGROUND_Google", range(5))
    for name in ("notmnist", "caltech101"):
        data = load_dataset(name, DataSettings(), tmp_path, download=False)
        assert data.name == name and data.classes == ("A", "B")


def _empty(root: Path) -> None:
    (root / "a").mkdir()


def _one_picture(root: Path) -> None:
    fill(root / "a", range(5)), fill(root / "b", range(9, 10))


def _only_copies(root: Path) -> None:
    noise(1, 8, 8).save(fill(root / "a", range(1, 2)) / "copy.png")


def _sizes(root: Path) -> None:
    fill(root / "a", range(2)), fill(root / "a", range(5, 7), (9, 8))


def _other_classes(root: Path) -> None:
    fill(root / "train" / "a", range(2)), fill(root / "test" / "b", range(2))


def _broken(root: Path) -> None:
    folder = fill(root / "a", range(4))
    for name in ("001.png", "002.png"):
        (folder / name).write_bytes((folder / name).read_bytes()[:40])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: None, "neither pictures"),
        (_empty, "a holds no pictures"),
        (_one_picture, r"b holds too few pictures \(1, 1 of them different\)"),
        (_only_copies, r"\(2, 1 of them different\)"),
        (_sizes, r"sizes, 8x8 and 8x9 .* data\.size"),
        (_other_classes, "only one of train and test"),
        (_broken, r"001\.png cannot be used: .* \(2 of 4 pictures in .*data\.broken=skip"),
    ],
)
def test_what_does_not_fit_is_named(make: Any, message: str, tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(GenclError, match=message):
        read(tmp_path)


def test_unknown_names_and_folders(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"did you mean mnist or notmnist\? \(a folder is written with a /"):
        load_dataset("mnits", DataSettings(), tmp_path)
    with pytest.raises(UsageError, match=r"there is no folder .*/nowhere"):
        load_dataset("./nowhere", DataSettings(), tmp_path)


@pytest.mark.parametrize(
    ("train", "test"),
    [("train", "val"), ("Train", "Test"), ("train", "valid"), ("TRAINING", "Validation"), ("training", "testing")],
)
def test_parts_go_by_many_names(train: str, test: str, tmp_path: Path) -> None:
    for part, seeds in ((train, range(6)), (test, range(50, 52))):
        for name in ("x", "y"):
            fill(tmp_path / part / name, seeds)
    data = read(tmp_path)
    assert data.classes == ("x", "y") and (len(data.train), len(data.test)) == (12, 4)


def test_a_part_without_the_classes_is_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part, seeds in (("train", range(6)), ("val", range(50, 52))):
        for name in ("x", "y"):
            fill(tmp_path / part / name, seeds)
    fill(tmp_path / "test", range(70, 80))  # without labels, as competitions have them
    data = read(tmp_path)
    assert (len(data.train), len(data.test)) == (12, 4)
    assert "train and val are read; left out: test" in capsys.readouterr().err


def test_a_training_part_alone_is_no_class(tmp_path: Path) -> None:
    fill(tmp_path / "train" / "x", range(6)), fill(tmp_path / "train" / "y", range(10, 16))
    assert read(tmp_path).classes == ("x", "y")


def test_a_train_on_rails_is_a_class(tmp_path: Path) -> None:
    fill(tmp_path / "train", range(6)), fill(tmp_path / "car", range(10, 16))
    assert read(tmp_path).classes == ("car", "train")


def test_what_systems_leave_beside_pictures_is_no_class(tmp_path: Path) -> None:
    fill(tmp_path / "x", range(6)), fill(tmp_path / "y", range(10, 16))
    fill(tmp_path / "__MACOSX" / "x", range(3)), fill(tmp_path / "x" / "@eaDir", range(20, 23))
    data = read(tmp_path)
    assert data.classes == ("x", "y") and len(data.train) + len(data.test) == 12


def test_pictures_on_both_sides_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part, seeds in (("train", range(6)), ("test", range(4, 8))):
        fill(tmp_path / part / "x", seeds)
    read(tmp_path)
    assert "2 of the 4 test pictures are training pictures, too" in capsys.readouterr().err


def test_names_of_jpeg_files_and_pictures_of_other_kinds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed, suffix in enumerate((".jfif", ".JPE", ".jpg", ".png")):
        (tmp_path / "x").mkdir(exist_ok=True)
        kind = "PNG" if suffix == ".png" else "JPEG"
        noise(seed, 8, 8).save(tmp_path / "x" / f"a{suffix}", format=kind)
    (tmp_path / "x" / "b.HEIC").write_bytes(b"of a phone")
    (tmp_path / "x" / "notes.txt").touch()
    data = read(tmp_path)
    assert len(data.train) + len(data.test) == 4
    assert "1 pictures such as x/b.HEIC are left out: PNG, JPEG" in " ".join(capsys.readouterr().err.split())


def test_twelve_bits_in_sixteen_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x").mkdir()
    for seed in range(4):
        pixels = np.random.default_rng(seed).integers(0, 4096, (8, 8), dtype=np.uint16)
        Image.fromarray(pixels).save(tmp_path / "x" / f"{seed}.png")
    read(tmp_path)
    assert "4 of 4 pictures are nearly black" in capsys.readouterr().err
    read(tmp_path)  # from the cache
    assert "4 of 4 pictures are nearly black" in capsys.readouterr().err
