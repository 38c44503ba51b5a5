"""Caltech-101, from torchvision's archive: a folder a class, without the background."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from torchvision.datasets import Caltech101

from gencl.core.folders import data_root
from gencl.datasets.official import fetch


def load(root: Path | None = None, download: bool = True) -> Path:
    """The folder of its 101 classes, ``ROOT/caltech101/101_ObjectCategories``; the pictures differ in size.

    Raises GenclError when it is absent and cannot (or may not) be downloaded.
    """
    root = root or data_root()
    folder = root / "caltech101" / "101_ObjectCategories"
    if not folder.is_dir():
        download_it = partial(Caltech101, str(root), download=True)
        fetch("caltech101", root, folder, ["CLASS/*.jpg"], download_it, download, folder.is_dir)
    return folder
