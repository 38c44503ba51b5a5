"""Reads pictures that a library's data set holds by row number, with one label each."""

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
    """One part of a data set: one label per row, int64 (n,), and a function that decodes the picture of a row.

    The function gets the row and a size (None: full size) and raises `Unusable`; several threads call it at once.
    """

    labels: Tensor
    pixels: Callable[[int, int | None], Pixels]


def read_rows(
    name: str, classes: Sequence[str], parts: Mapping[str, Rows], place: bytes, key: str, data: DataSettings
) -> Dataset:
    """Decode the pictures of a library's data set, or read them from the cache if it has not changed.

    Args:
        name: the data set's name, also in messages.
        classes: the names of the labels.
        parts: by name, the training part and then the test part; if there is no test part, ``data.test`` of each class
            is held out for testing.
        place, key: as for a `PictureSource`.
        data: sizes, channels, shares, and the treatment of broken pictures.

    Raises UsageError if a class has no pictures or too few.
    """
    title = printable(name)

    def pixels(row: str, size: int | None) -> Pixels:
        part, _, number = row.rpartition("/")
        try:
            return parts[part].pixels(int(number), size)
        except Unusable as reason:
            raise Unusable(str(reason), lasting=False) from None  # a repaired file does not change the key

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
    return replace(found, named=False)  # as in a folder, pictures are ordered by their content
