"""Pictures that a library's data set holds by number, with a label each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.files import printable
from gencl.core.settings import DataSettings
from gencl.datasets.dataset import Dataset
from gencl.datasets.decode import Pixels, Unusable
from gencl.datasets.dividing import divided
from gencl.datasets.picture_source import PictureSource
from gencl.datasets.pictures import pictures_of


@dataclass(frozen=True)
class Rows:
    """One part of a data set: a label per row, int64 (n,), and how to decode the picture of a row for a size (None: as
    it is), from several threads at once; that raises `Unusable`."""

    labels: Tensor
    pixels: Callable[[int, int | None], Pixels]


def read_rows(
    name: str, classes: Sequence[str], parts: Mapping[str, Rows], place: bytes, key: str, data: DataSettings
) -> Dataset:
    """Decode the pictures of a library's data set; from the cache where it is the same.

    Args:
        name: of the data set, also in messages.
        classes: the names of the labels.
        parts: by its name the part to learn from, then the one to test on; without the latter, ``data.test`` of each
            class is kept for testing.
        place, key: as those of a `PictureSource`.
        data: sizes, channels, shares, and what becomes of broken pictures.

    Raises UsageError for a class without pictures, or too few of them.
    """
    title = printable(name)

    def pixels(row: str, size: int | None) -> Pixels:
        part, _, number = row.rpartition("/")
        try:
            return parts[part].pixels(int(number), size)
        except Unusable as reason:
            raise Unusable(str(reason), lasting=False) from None  # who repairs a file does not change the key

    names = [[f"{part}/{row}" for row in range(len(rows.labels))] for part, rows in parts.items()]
    of_classes: list[list[str]] = []
    for (part, rows), some in zip(parts.items(), names, strict=True):
        for label, called in enumerate(classes):
            of_class = np.flatnonzero(rows.labels.numpy() == label).tolist()
            if not of_class:
                raise UsageError(f"{title}: its part {part} has no picture of class {printable(called)}")
            of_classes.append([some[row] for row in of_class])
    source = PictureSource(title, place, key, [row for some in names for row in some], pixels)
    every = pictures_of(source, of_classes, data)
    where = [f"{title}: class {printable(called)}" for called in classes]
    found = divided(every, title, title, classes, where, len(parts) > 1, data.test)
    return replace(found, named=False)  # the order of its pictures follows from their content, as that of a folder's
