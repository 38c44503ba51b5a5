"""Pictures in folders: ``PATH/<class>/*`` or ``PATH/{train,test}/<class>/*``, PNG or JPEG."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from gencl.datasets.dataset import Dataset, Split
from gencl.datasets.pictures import Pictures, is_picture, read_pictures
from gencl.errors import UsageError
from gencl.settings import DataSettings

_NO_CLASS = ("BACKGROUND_Google",)
"""Caltech-101's folder of pictures of anything."""


def is_class_folder(path: Path) -> bool:
    """Whether ``path`` holds folders of pictures, in one of the two layouts."""
    return _has_parts(path) or any(any(map(is_picture, folder.iterdir())) for folder in _subfolders(path))


def read_folder(path: Path, data: DataSettings) -> Dataset:
    """The pictures below ``path``: sub-folders are classes, sorted by name; a folder of nothing but pictures is one
    class.

    Without a ``test`` folder, ``data.test`` of each class is kept for testing. Which pictures these are depends on
    their content alone: renaming changes nothing, and copies of a picture fall on one side.

    Raises UsageError where the folder is not of that kind, a class has too few pictures, or their sizes differ and no
    ``data.size`` is given; GenclError for pictures that cannot be read.
    """
    if not path.is_dir():
        raise UsageError(
            f"there is no folder {path}; name one whose sub-folders are classes, or a data set (gencl list datasets)"
        )
    name = path.resolve().name
    if _has_parts(path):
        classes = _classes(path / "train")
        other = sorted({folder.name for folder in _subfolders(path / "test")} ^ {folder.name for folder in classes})
        if other:
            raise UsageError(f"{path}: {other[0]} is a class in only one of train and test; both must have all classes")
        train = read_pictures(path, classes, data.size, data.channels)
        test = read_pictures(path, [path / "test" / folder.name for folder in classes], data.size, data.channels)
        if train.images.shape[1:] != test.images.shape[1:]:
            raise UsageError(
                f"{path}: training pictures are {_shape(train)}, test pictures {_shape(test)}; "
                "give data.size and data.channels, such as --set data.size=32 --set data.channels=3"
            )
        return Dataset(name, _names(classes), _split(train), _split(test))
    classes = _classes(path)
    every = read_pictures(path, classes, data.size, data.channels)
    test_rows = _kept_for_testing(every, classes, data.test)
    whole = _split(every)
    return Dataset(name, _names(classes), whole.select(~test_rows), whole.select(test_rows))


def _has_parts(path: Path) -> bool:
    return all((path / part).is_dir() for part in ("train", "test"))


def _subfolders(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    found = (entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    return sorted(entry for entry in found if entry.name not in _NO_CLASS)


def _classes(path: Path) -> list[Path]:
    """The folders of the classes."""
    found = _subfolders(path)
    if not found and any(map(is_picture, path.iterdir())):
        return [path]
    if not found:
        raise UsageError(f"{path} holds neither pictures (PNG, JPEG) nor folders of them, one a class")
    return found


def _names(classes: list[Path]) -> tuple[str, ...]:
    return tuple(folder.resolve().name for folder in classes)


def _shape(pictures: Pictures) -> str:
    return "x".join(str(side) for side in pictures.images.shape[1:])


def _split(pictures: Pictures) -> Split:
    return Split(pictures.images, pictures.labels)


def _kept_for_testing(pictures: Pictures, classes: list[Path], share: float) -> Tensor:
    """A mask: of each class the share with the lowest content hashes, copies all on one side, over classes too."""
    kept: dict[int, bool] = {}
    for label, folder in enumerate(classes):
        hashes, numbers = pictures.content[pictures.labels == label].unique(return_counts=True)
        counts = dict(zip(hashes.tolist(), numbers.tolist(), strict=True))
        free = [content for content in counts if content not in kept]
        if free and all(kept.get(content, True) for content in counts):
            kept[free.pop()] = False  # one at least is to learn from
        for content in free:
            so_far = sum(count for other, count in counts.items() if kept.get(other))
            kept[content] = so_far < max(1, round(share * int(numbers.sum())))
        if len({kept[content] for content in counts}) < 2:
            raise UsageError(
                f"{folder} holds too few pictures ({int(numbers.sum())}, {len(counts)} of them different): "
                "a class needs two or more of its own, to learn from and to test on"
            )
    return torch.tensor([kept[content] for content in pictures.content.tolist()])
