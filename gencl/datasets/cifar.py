"""CIFAR-10 and CIFAR-100, from torchvision's files."""

from __future__ import annotations

from pathlib import Path

import torch
from torchvision.datasets import CIFAR10, CIFAR100

from gencl.core.folders import data_root
from gencl.datasets.dataset import Dataset, Split
from gencl.datasets.official import obtain


def load_cifar10(root: Path | None = None, download: bool = True) -> Dataset:
    """Return 50,000 training and 10,000 test images of 3x32x32 in ten classes, from ``ROOT/cifar-10-batches-py``."""
    return read(CIFAR10, "cifar10", root, download)


def load_cifar100(root: Path | None = None, download: bool = True) -> Dataset:
    """Return 50,000 training and 10,000 test images of 3x32x32 in a hundred classes, from ``ROOT/cifar-100-python``."""
    return read(CIFAR100, "cifar100", root, download)


def read(kind: type[CIFAR10], name: str, root: Path | None, download: bool) -> Dataset:
    """Read a CIFAR data set; ``kind`` holds the md5 of its files.

    The files are Python pickles, so none is opened before the md5 of all has been verified. Raises GenclError if files
    are absent and cannot (or may not) be downloaded, or if one is damaged.
    """
    root = root or data_root()
    md5 = dict((*kind.train_list, *kind.test_list))
    md5[kind.meta["filename"]] = kind.meta["md5"]
    obtain(name, root, root / kind.base_folder, md5, lambda: kind(str(root), download=True), download)
    parts = [kind(str(root), train=train) for train in (True, False)]
    train, test = (
        Split(torch.from_numpy(part.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(part.targets))
        for part in parts
    )
    return Dataset(name, tuple(parts[0].classes), train, test)
