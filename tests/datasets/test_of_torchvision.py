"""torchvision's sets of labelled pictures, on files as torchvision wants them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision

from gencl.core.errors import GenclError, UsageError
from gencl.core.settings import DataSettings
from gencl.datasets.dataset import Dataset
from gencl.datasets.load import load_dataset
from gencl.datasets.torchvision_sets import PARTS, REFUSED
from tests.datasets.test_folder import fill, noise


def read(name: str, root: Path, **data: Any) -> Dataset:
    return load_dataset(f"torchvision:{name}", DataSettings(**data), root, download=False)


def test_every_set_of_torchvision_is_read_or_refused_with_a_reason() -> None:
    others = {"VisionDataset", "wrap_dataset_for_transforms_v2"}
    assert {*PARTS} | {*REFUSED} >= {*torchvision.datasets.__all__} - others
    assert not {*PARTS} & {*REFUSED}


def test_one_without_a_test_part_keeps_a_share_for_testing(tmp_path: Path, cache: Path) -> None:
    for name in ("Forest", "River"):
        fill(tmp_path / "eurosat" / "2750" / name, range(len(name), len(name) + 10), (8, 8, 3))
    found = read("EuroSAT", tmp_path)
    ours = load_dataset(str(tmp_path / "eurosat" / "2750"), DataSettings())
    assert found.classes == ("Forest", "River") and found.test.labels.tolist() == [0, 0, 1, 1]
    assert torch.equal(found.train.images, ours.train.images)
    assert read("EuroSAT", tmp_path, size=4, channels=1).train.shape == (1, 4, 4)


def test_one_with_a_test_part_keeps_it_apart(tmp_path: Path, cache: Path) -> None:
    for part, first in (("train", 0), ("valid", 20), ("test", 40)):
        for start, name in ((first, "AD"), (first + 3, "AE")):
            fill(tmp_path / "country211" / part / name, range(start, start + 3), (8, 8, 3))
    found = read("Country211", tmp_path)
    assert (
        found.classes == ("AD", "AE") and found.train.labels.tolist() == found.test.labels.tolist() == [0] * 3 + [1] * 3
    )
    stored = {noise(seed, 8, 8, 3).tobytes() for seed in range(40, 46)}
    assert {image.permute(1, 2, 0).contiguous().numpy().tobytes() for image in found.test.images} == stored


def test_pictures_that_were_mended_are_read_again(tmp_path: Path, cache: Path) -> None:
    for name in ("Forest", "River"):
        fill(tmp_path / "eurosat" / "2750" / name, range(len(name), len(name) + 10), (8, 8, 3))
    broken = tmp_path / "eurosat" / "2750" / "Forest" / "008.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:60])
    with pytest.raises(GenclError, match=r"torchvision:EuroSAT/all/2 cannot be used"):
        read("EuroSAT", tmp_path)
    broken.write_bytes(whole)
    assert len(read("EuroSAT", tmp_path).train) == 16


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("CocoDetection", "its targets are boxes of objects"),
        ("VOCSegmentation", "its targets are segmentations"),
        ("CelebA", "a picture has several attributes"),
        ("LSUN", "a pickle, which gencl never opens"),
        ("FashionMNST", "did you mean FashionMNIST"),
        ("os", "torchvision has no set of labelled pictures called os"),
    ],
)
def test_sets_without_one_class_per_picture_are_refused(name: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=reason):
        read(name, tmp_path)


def test_one_that_is_absent_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(
        GenclError, match=r"\(fetch it: gencl data prepare torchvision:Flowers102\): looked in"
    ) as error:
        read("Flowers102", tmp_path)
    assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(GenclError, match="torchvision does not fetch it"):
        read("FER2013", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.data
def test_fashion_mnist_is_the_same_as_by_its_own_name(data_root: Path, tmp_path: Path, cache: Path) -> None:
    shutil.copytree(data_root / "FashionMNIST", tmp_path / "FashionMNIST", copy_function=shutil.copyfile)
    (tmp_path / "FashionMNIST").chmod(0o755), (tmp_path / "FashionMNIST" / "raw").chmod(0o755)
    found = load_dataset("torchvision:FashionMNIST", DataSettings(), tmp_path)  # unpacks what lies there
    ours = load_dataset("fashion-mnist", DataSettings(), data_root)
    assert found.classes == ours.classes and found.train.shape == (1, 28, 28)
    for one, other in ((found.train, ours.train), (found.test, ours.test)):
        assert torch.equal(one.labels.bincount(), other.labels.bincount())
        assert int(one.images.long().sum()) == int(other.images.long().sum())


def test_a_picture_that_was_changed_is_decoded_again(tmp_path: Path, cache: Path) -> None:
    for name in ("Forest", "River"):
        fill(tmp_path / "eurosat" / "2750" / name, range(len(name), len(name) + 10), (8, 8, 3))
    before = read("EuroSAT", tmp_path)
    for file in (tmp_path / "eurosat" / "2750" / "River").iterdir():
        noise(int(file.stem) + 100, 8, 8, 3).save(file)
    after = read("EuroSAT", tmp_path)
    assert before.train.fingerprint() != after.train.fingerprint()
