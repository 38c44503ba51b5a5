"""Sources of pictures before decoding: files below a folder, or the rows of a library's data set."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gencl.core.files import printable
from gencl.datasets.decode import Pixels, decode


@dataclass(frozen=True)
class PictureSource:
    """Pictures by their names.

    ``title`` is its name in messages. ``place`` identifies the source, whatever it holds; ``key`` is equal for equal
    pictures in the same place. ``pixels`` decodes the picture of a name for a size (None: full size) and raises
    `Unusable`; several threads call it at once.
    """

    title: str
    place: bytes
    key: str
    names: Sequence[str]
    pixels: Callable[[str, int | None], Pixels]


def files_below(root: Path, names: Sequence[str]) -> PictureSource:
    """Return the picture files with these paths below ``root`` as a source.

    Its key is equal for equal names, lengths and modification times.
    """
    digest = hashlib.sha256()
    for name in names:
        digest.update(repr((os.fsencode(name), state_of(root / name))).encode())
    place = os.fsencode(root.resolve())
    return PictureSource(
        printable(root), place, digest.hexdigest(), names, lambda name, size: decode(root / name, size)
    )


def state_of(path: str | os.PathLike[str]) -> tuple[int, int, int]:
    """Return values that change whenever the file does: its length, modification time and status change time.

    If the file cannot be accessed, return -1, the error number and 0.
    """
    try:
        about = os.stat(path)  # noqa: PTH116  # of very many files
    except OSError as error:
        return -1, error.errno or 0, 0
    return about.st_size, about.st_mtime_ns, about.st_ctime_ns
