"""Tiny ImageNet: 200 classes of ImageNet at 64x64 (Stanford CS231n), or a folder with some of them."""

from __future__ import annotations

from pathlib import Path

from gencl.core.errors import GenclError
from gencl.core.files import printable
from gencl.core.folders import data_root
from gencl.datasets.folder import Listing, is_class_folder, list_folder, pictures_below

ARCHIVE = "tiny-imagenet-200"


def load(root: Path | None = None, download: bool = True) -> Listing:
    """List the pictures of ``ROOT/tiny-imagenet-200``, whose validation part becomes the test part, or of the class
    folder ``ROOT/tiny_imagenet``.

    Raises GenclError if both are absent or the first is damaged. Nothing is downloaded: the data are for research only.
    """
    root = root or data_root()
    official, folder = root / ARCHIVE, root / "tiny_imagenet"
    if (official / "train").is_dir():
        return _official(official)
    if is_class_folder(folder):
        return list_folder(folder)
    raise GenclError(
        f"tiny-imagenet is not in {root}: looked for {official}/train and for classes in {folder}; unpack "
        f"{ARCHIVE}.zip there, from the course CS231n, or name the folder that holds it with --data-root or $GENCL_DATA"
    )


def _official(folder: Path) -> Listing:
    """List ``train/<id>/images/*`` and, for testing, ``val/images/*``.

    The ids of the latter are in ``val/val_annotations.txt``; ``words.txt`` has the names of all ids.
    """
    ids = sorted(path.name for path in (folder / "train").iterdir() if path.is_dir() and not path.name.startswith("."))
    test: dict[str, list[Path]] = {name: [] for name in ids}
    try:
        words = dict(_columns(folder / "words.txt"))
        for file, name in _columns(folder / "val" / "val_annotations.txt"):
            test[name].append(folder / "val" / "images" / file)
    except (OSError, KeyError, ValueError):
        raise GenclError(
            f"{printable(folder)}: words.txt or val/val_annotations.txt is absent or damaged; "
            f"unpack {ARCHIVE}.zip again"
        ) from None
    if (empty := next((name for name in ids if not test[name]), None)) is not None:
        raise GenclError(
            f"{printable(folder)}: val/val_annotations.txt names no picture of {printable(empty)}; unpack "
            f"{ARCHIVE}.zip again"
        )
    train = [pictures_below(folder / "train" / name) for name in ids]
    names = tuple(words.get(name, name).split(",")[0] for name in ids)
    return Listing(folder, names, train, [sorted(test[name]) for name in ids])


def _columns(file: Path) -> list[tuple[str, str]]:
    """Return the first two columns of a tab-separated file. Raises ValueError if a line has only one."""
    lines = [line.split("\t", 2)[:2] for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [(first, second) for first, second in lines]
