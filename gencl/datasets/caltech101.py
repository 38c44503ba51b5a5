"""Caltech-101, from torchvision's archive: one folder per class, without the background class."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from torchvision.datasets import Caltech101

from gencl.core.folders import data_root
from gencl.datasets.official import fetch


def load(root: Path | None = None, download: bool = True) -> Path:
    """Return the folder of the 101 classes, ``ROOT/caltech101/101_ObjectCategories``; the pictures differ in size.

    Raises GenclError if it is absent and cannot (or may not) be downloaded.
    """
    root = root or data_root()
    folder = root / "caltech101" / "101_ObjectCategories"
    if not folder.is_dir():
        download_it = partial(Caltech101, str(root), download=True)
        fetch("caltech101", root, folder, ["CLASS/*.jpg"], download_it, download, folder.is_dir)
    return folder
