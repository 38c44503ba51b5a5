"""Check that the disk has room for many files before the first is written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gencl.core.amounts import memory
from gencl.core.errors import UsageError
from gencl.core.files import printable

_UNIT = 4096
"""The block size of most file systems, in bytes: a file takes a multiple of it."""


@dataclass(frozen=True)
class Wanted:
    """A number of ``files`` of about ``each`` bytes to write into a folder, which need not exist yet."""

    folder: Path
    files: int
    each: float

    @property
    def there(self) -> Path:
        """The folder, or its nearest parent that exists."""
        return next(path for path in (self.folder, *self.folder.absolute().parents) if path.exists())

    @property
    def size(self) -> int:
        """The bytes that all files take on disk."""
        return self.files * -(-int(self.each) // _UNIT) * _UNIT


def check_disk(wanted: Sequence[Wanted], asked: str) -> None:
    """Raise UsageError if a disk lacks room for the bytes or the number of files. ``asked`` describes them."""
    for one in wanted:
        device = one.there.stat().st_dev
        together = sum(other.size for other in wanted if other.there.stat().st_dev == device)
        free = shutil.disk_usage(one.there).free
        if together > free:
            disk = f"the disk of {printable(one.folder)}"
            raise UsageError(f"{asked} take about {memory(together)}, and {disk} has {memory(free)} free")
        if hasattr(os, "statvfs"):
            left = os.statvfs(one.there)
            if left.f_files and one.files > left.f_favail:  # f_files is 0 if the file system counts no files
                raise UsageError(
                    f"{asked}: the disk of {printable(one.folder)} has room for {left.f_favail:,} more files; --npz "
                    "FILE writes a single one"
                )
