"""Write images to a NumPy archive (.npz) block by block, in the format that ADM's evaluation reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.lib.format import write_array_header_1_0
from torch import Tensor

from gencl.core.files import replacing

_LABELS_AT_ONCE = 100_000


def size(n: int, shape: Sequence[int]) -> int:
    """Return the approximate size in bytes of an archive of ``n`` images of ``shape`` (c, h, w)."""
    return n * (prod(shape) + 8)


@contextmanager
def written(
    path: Path, classes: Sequence[int], counts: Sequence[int], shape: Sequence[int]
) -> Iterator[Callable[[Tensor], None]]:
    """Yield a function that writes the next images, uint8 (n, c, h, w). It must get ``sum(counts)`` images in all.

    In the archive, ``arr_0`` is uint8 (n, h, w, c). ``arr_1`` are the labels, int64 (n,): each of ``classes`` repeated
    as ``counts`` says. The file appears when the block ends, or not at all. Raises NotWritten if it cannot be written.
    """
    channels, height, width = shape
    with replacing(path) as scratch, ZipFile(scratch, "w") as archive:
        with archive.open(ZipInfo("arr_0.npy"), "w", force_zip64=True) as images:
            write_array_header_1_0(images, _header("|u1", sum(counts), height, width, channels))
            yield lambda more: _write(images, more.permute(0, 2, 3, 1).contiguous().numpy())
        with archive.open(ZipInfo("arr_1.npy"), "w", force_zip64=True) as labels:
            write_array_header_1_0(labels, _header("<i8", sum(counts)))
            for label, count in zip(classes, counts, strict=True):
                for start in range(0, count, _LABELS_AT_ONCE):
                    _write(labels, np.full(min(_LABELS_AT_ONCE, count - start), label, "<i8"))


def _write(file: IO[bytes], array: np.ndarray[Any, Any]) -> None:
    file.write(array.data)


def _header(kind: str, *shape: int) -> dict[str, object]:
    return {"descr": kind, "fortran_order": False, "shape": shape}
