"""Emoji as the npm package holds them, and Tiny ImageNet as its archive does: tiny folders of the same form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gencl.core.errors import GenclError
from gencl.core.settings import DataSettings
from gencl.datasets import emoji, tiny_imagenet
from gencl.datasets.load import load_dataset
from tests.datasets.test_folder import noise

CATEGORIES = [*emoji._CLASSES, "People & Body"]


def package(root: Path) -> Path:
    """Two pictures of each category."""
    folder = root / emoji.PACKAGE
    images = folder / "img" / "google" / "64"
    images.mkdir(parents=True)
    entries = []
    for place, category in enumerate(CATEGORIES):
        for number in range(2):
            name = f"1f6{place}{number}.png"
            noise(10 * place + number, 64, 64, 3).save(images / name)
            entries.append({"image": name, "category": category, "has_img_google": True})
    entries.append({"image": "none.png", "category": "Flags", "has_img_google": False})
    (folder / "emoji.json").write_text(json.dumps(entries))
    return folder


def test_categories_are_classes_without_people(tmp_path: Path) -> None:
    package(tmp_path)
    dataset = load_dataset("emoji", DataSettings(size=32, test=0.5), tmp_path)
    assert dataset.classes == tuple(sorted(emoji._CLASSES.values()))
    assert dataset.train.shape == (3, 32, 32) and len(dataset.train) + len(dataset.test) == 16


def test_absent_and_damaged_packages_are_named(tmp_path: Path) -> None:
    with pytest.raises(GenclError, match=r"emoji is not in .*npm pack emoji-datasource-google@16\.0\.0"):
        emoji.load(tmp_path)
    folder = package(tmp_path)
    (folder / "img" / "google" / "64" / "1f600.png").unlink()
    with pytest.raises(GenclError, match=r"lacks .*1f600\.png; unpack the archive"):
        emoji.load(tmp_path)
    (folder / "emoji.json").write_text("{")
    with pytest.raises(GenclError, match=r"emoji\.json is damaged"):
        emoji.load(tmp_path)


def official(root: Path) -> Path:
    folder = root / tiny_imagenet.ARCHIVE
    (folder / "val" / "images").mkdir(parents=True)
    lines = []
    for place, name in enumerate(["n01", "n02"]):
        (folder / "train" / name / "images").mkdir(parents=True)
        for number in range(3):
            noise(10 * place + number, 64, 64, 3).save(folder / "train" / name / "images" / f"{name}_{number}.JPEG")
        noise(10 * place + 9, 64, 64, 3).save(folder / "val" / "images" / f"val_{place}.JPEG")
        lines.append(f"val_{place}.JPEG\t{name}\t0\t0\t62\t62")
    (folder / "val" / "val_annotations.txt").write_text("\n".join(lines))
    (folder / "words.txt").write_text("n01\tgoldfish, Carassius auratus\nn02\tpizza, pizza pie\nn03\tcat")
    return folder


def test_the_official_folder_has_its_own_split_and_names(tmp_path: Path) -> None:
    official(tmp_path)
    dataset = load_dataset("tiny-imagenet", DataSettings(), tmp_path)
    assert dataset.classes == ("goldfish", "pizza")
    assert (len(dataset.train), len(dataset.test)) == (6, 2) and dataset.test.labels.tolist() == [0, 1]


def test_absent_and_damaged_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(GenclError, match=r"tiny-imagenet is not in .*unpack tiny-imagenet-200\.zip"):
        tiny_imagenet.load(tmp_path)
    (official(tmp_path) / "words.txt").write_text("n01")
    with pytest.raises(GenclError, match=r"words\.txt or .* is absent or damaged"):
        tiny_imagenet.load(tmp_path)


@pytest.mark.data
def test_the_real_folders(data_root: Path) -> None:
    pictures = load_dataset("emoji", DataSettings(test=0.1), data_root)
    assert pictures.classes[5] == "smileys" and len(pictures.train) + len(pictures.test) == 1520
    photographs = load_dataset("tiny-imagenet", DataSettings(), data_root)
    assert len(photographs.classes) == 10 and photographs.train.shape == (3, 64, 64)
