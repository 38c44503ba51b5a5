"""Street View House Numbers (cropped digits), from torchvision's files."""

from __future__ import annotations

from pathlib import Path

import torch
from torchvision.datasets import SVHN

from gencl.core.folders import data_root
from gencl.datasets.dataset import Dataset, Split
from gencl.datasets.mnist import DIGITS
from gencl.datasets.official import obtain


def load(root: Path | None = None, download: bool = True) -> Dataset:
    """Return 73,257 training and 26,032 test images of 3x32x32, from ``ROOT/svhn/*.mat`` or ``ROOT/*.mat``."""
    return read(SVHN, root, download)


def read(kind: type[SVHN], root: Path | None, download: bool) -> Dataset:
    """Read SVHN; ``kind`` holds the md5 of its files.

    Raises GenclError if files are absent and cannot (or may not) be downloaded, or if one is damaged.
    """
    root = root or data_root()
    md5 = {kind.split_list[part][1]: kind.split_list[part][2] for part in ("train", "test")}
    folder = root if all((root / file).is_file() for file in md5) else root / "svhn"

    def both() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for part in ("train", "test"):
            kind(str(folder), split=part, download=True)

    obtain("svhn", root, folder, md5, both, download)
    parts = [kind(str(folder), split=part) for part in ("train", "test")]
    train, test = (
        Split(torch.from_numpy(part.data).contiguous(), torch.from_numpy(part.labels).long()) for part in parts
    )
    return Dataset("svhn", DIGITS, train, test, symbols=True)
