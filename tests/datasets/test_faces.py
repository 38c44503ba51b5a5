"""CelebA and drawn faces: tiny files in the official format, plain folders, and the real ones where they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from torchvision.datasets import CelebA

from gencl.core.errors import GenclError
from gencl.core.settings import DataSettings
from gencl.datasets import faces
from gencl.datasets.faces import PARTITION
from gencl.datasets.folder import read_listing
from gencl.datasets.load import load_dataset
from tests.datasets.test_folder import fill, noise
from tests.datasets.test_official import md5


def official(root: Path, parts: str = "0000112022") -> type[CelebA]:
    """Pictures and their partition list as CelebA's files are: 178x218, ``000001.jpg 0`` a line."""
    images = root / "celeba" / "img_align_celeba"
    images.mkdir(parents=True)
    for i in range(len(parts)):
        noise(i, 218, 178, 3).save(images / f"{i + 1:06d}.jpg")
    names = root / "celeba" / PARTITION
    names.write_text("".join(f"{i + 1:06d}.jpg {part}\n" for i, part in enumerate(parts)))
    return type("Tiny", (CelebA,), {"file_list": [("", md5(names), PARTITION)]})


def test_the_official_files_have_their_own_split(tmp_path: Path) -> None:
    listing = faces.read(official(tmp_path), tmp_path)
    assert listing.classes == ("face",)
    train, test = ([path.name for path in files] for (files,) in (listing.train, listing.test or ()))
    assert train == [f"{i:06d}.jpg" for i in (1, 2, 3, 4, 8)] and test == [f"{i:06d}.jpg" for i in (7, 9, 10)]
    whole = read_listing(listing, "celeba", DataSettings(size=32))
    assert whole.train.shape == (3, 32, 32) and (len(whole.train), len(whole.test)) == (5, 3)


def test_a_damaged_list_and_missing_pictures_are_named(tmp_path: Path) -> None:
    kind = official(tmp_path)
    with pytest.raises(GenclError, match=rf"{PARTITION} is damaged: its md5"):
        load_dataset("celeba", DataSettings(size=32), tmp_path)
    (tmp_path / "celeba" / "img_align_celeba" / "000003.jpg").unlink()
    with pytest.raises(GenclError, match=rf"lacks 1 of the 10 pictures of {PARTITION}, such as 000003\.jpg"):
        faces.read(kind, tmp_path)


@pytest.mark.parametrize(
    ("name", "folder", "label"),
    [
        ("celeba", "celeba", "face"),
        ("celeba", "celeba/img_align_celeba", "face"),
        ("celeba", "celeba_faces/0", "face"),
        ("anime", "anime", "anime"),
        ("anime", "anime_faces/0", "anime"),
    ],
)
def test_a_folder_of_pictures_is_one_class(name: str, folder: str, label: str, tmp_path: Path) -> None:
    fill(tmp_path / folder, range(5))
    loaded = load_dataset(name, DataSettings(), tmp_path)
    assert (loaded.name, loaded.classes) == (name, (label,)) and (len(loaded.train), len(loaded.test)) == (4, 1)


def test_parts_of_a_folder_are_kept(tmp_path: Path) -> None:
    fill(tmp_path / "anime_faces" / "train", range(3)), fill(tmp_path / "anime_faces" / "test", range(5, 7))
    loaded = load_dataset("anime", DataSettings(), tmp_path)
    assert loaded.classes == ("anime",) and (len(loaded.train), len(loaded.test)) == (3, 2)


@pytest.mark.parametrize(("name", "advice"), [("celeba", "Google Drive.*img_align_celeba.zip"), ("anime", "Kaggle")])
def test_where_to_get_them_is_said(name: str, advice: str, tmp_path: Path) -> None:
    with pytest.raises(GenclError, match=f"{name} is not in .*looked for pictures in .*{advice}"):
        load_dataset(name, DataSettings(), tmp_path)
    assert not any(tmp_path.iterdir())


@pytest.mark.data
@pytest.mark.parametrize(("name", "size"), [("celeba", 64), ("anime", 64)])
def test_the_real_ones(name: str, size: int, data_root: Path) -> None:
    loaded = load_dataset(name, DataSettings(size=size), data_root)
    assert (len(loaded.train), len(loaded.test)) == (4000, 1000) and loaded.train.shape == (3, size, size)
