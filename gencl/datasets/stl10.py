"""STL-10's labelled images, from torchvision's files."""

from __future__ import annotations

from pathlib import Path

import torch
from torchvision.datasets import STL10

from gencl.core.folders import data_root
from gencl.datasets.dataset import Dataset, Split
from gencl.datasets.official import obtain

CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")


class Labelled(STL10):  # type: ignore[misc]  # torchvision brings no types
    """STL-10 without its 100,000 unlabelled images (2.6 GB), which are not used."""

    train_list = STL10.train_list[:2]


def load(root: Path | None = None, download: bool = True) -> Dataset:
    """Return 5,000 training and 8,000 test images of 3x96x96, from ``ROOT/stl10_binary``."""
    return read(Labelled, root, download)


def read(kind: type[STL10], root: Path | None, download: bool) -> Dataset:
    """Read STL-10; ``kind`` holds the md5 of its files.

    Raises GenclError if files are absent and cannot (or may not) be downloaded, or if one is damaged.
    """
    root = root or data_root()
    md5 = dict((*kind.train_list, *kind.test_list))
    obtain("stl10", root, root / kind.base_folder, md5, lambda: kind(str(root), download=True), download)
    parts = [kind(str(root), split=part) for part in ("train", "test")]
    train, test = (Split(torch.from_numpy(part.data.copy()), torch.from_numpy(part.labels).long()) for part in parts)
    return Dataset("stl10", CLASSES, train, test)
