"""Where pictures come from before they are decoded: files below a folder, or the rows of a library's data set."""

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

    ``title`` is what messages call it. ``place`` tells it from other sources, whatever it holds; ``key`` is equal for
    equal pictures of one place. ``pixels`` decodes the picture of a name for this size (None: as it is), from several
    threads at once; it raises `Unusable`.
    """

    title: str
    place: bytes
    key: str
    names: Sequence[str]
    pixels: Callable[[str, int | None], Pixels]


def files_below(root: Path, names: Sequence[str]) -> PictureSource:
    """Picture files by their paths below ``root``. Their key is equal for equal names, lengths and times of change."""
    digest = hashlib.sha256()
    for name in names:
        digest.update(repr((os.fsencode(name), state_of(root / name))).encode())
    place = os.fsencode(root.resolve())
    return PictureSource(
        printable(root), place, digest.hexdigest(), names, lambda name, size: decode(root / name, size)
    )


def state_of(path: str | os.PathLike[str]) -> tuple[int, int, int]:
    """What is another one once the file has been changed: its length and times of change."""
    try:
        about = os.stat(path)  # noqa: PTH116  # of very many files
    except OSError as error:
        return -1, error.errno or 0, 0
    return about.st_size, about.st_mtime_ns, about.st_ctime_ns
