"""The cache of files that gencl can recreate, limited in size: the least recently used files are removed first.

A file is in use while a process holds a shared lock on it (`opened`). The lock lasts as long as a memory map of it.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gencl.core import files
from gencl.core.errors import NotWritten, UsageError
from gencl.core.folders import cache_root

KINDS = {
    "pictures": "decoded pictures of folders, of the Hub and of torchvision",
    "readers": "networks that read the classes of a data set, for measures",
    "statistics": "features of real images, for measures",
    "fingerprints": "hashes of images",
    "boundaries": "where streams were found to change their task",
}
"""The cache's folders of files that can be recreated, and what they hold. `trim` and `clear` leave others alone."""
SIZE = "GENCL_CACHE_SIZE"
DEFAULT_BYTES = 10 * 10**9
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_FRESH_SECONDS = 60.0
"""Files used within this time are kept: the process that wrote them may not have opened (locked) them yet."""


@dataclass(frozen=True)
class Entry:
    """Files of one cached object: they share a name and differ in suffix."""

    kind: str
    files: tuple[Path, ...]
    bytes: int
    used: float
    """Time of last use, in seconds since the epoch."""

    def remove(self) -> bool:
        """Remove the files unless a running process uses one, and return whether they were removed."""
        with ExitStack() as locks:
            try:
                for file in self.files:
                    _lock(file, locks)
                for file in self.files:
                    file.unlink(missing_ok=True)
            except OSError:
                return False
        return True


def limit() -> int:
    """Return the maximum size of the cache in bytes: ``$GENCL_CACHE_SIZE``, such as 500MB or 20G, else 10 GB.

    Raises UsageError if the variable is not a size.
    """
    text = os.environ.get(SIZE, "")
    if not text:
        return DEFAULT_BYTES
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)B?\s*", text, re.IGNORECASE)
    if match is None:
        raise UsageError(f"${SIZE} is {text!r}; write a size such as 500MB or 20GB")
    return round(float(match[1]) * _UNITS[match[2].upper()])


def entries() -> list[Entry]:
    """Return all cached objects, the least recently used first."""
    found: dict[tuple[str, str], list[tuple[Path, os.stat_result]]] = {}
    for kind in KINDS:
        for file in _files(cache_root() / kind):
            with suppress(OSError):  # another process may have just removed it
                found.setdefault((kind, file.stem), []).append((file, file.stat()))
    every = [
        Entry(
            kind,
            tuple(file for file, _ in some),
            sum(about.st_size for _, about in some),
            max(max(about.st_atime, about.st_mtime) for _, about in some),
        )
        for (kind, _), some in found.items()
    ]
    return sorted(every, key=lambda entry: entry.used)


def used(path: Path) -> None:
    """Set a file's access time to now. Its modification time is unchanged."""
    with suppress(OSError):
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))


def opened(path: Path) -> BinaryIO:
    """Open a file for memory mapping. It is not removed from the cache while the file or a map of it is open.

    Raises OSError if the file does not exist.
    """
    file = path.open("rb")
    with suppress(OSError):  # the file system may lack locks; on Linux a map stays valid after the file is deleted
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    used(path)
    return file


def remembered(kind: str, key: str, make: Callable[[], str]) -> str:
    """Return a short text from the cache, or make and cache it. Errors when writing to the cache are ignored."""
    path = cache_root() / kind / key
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = make()
    else:
        used(path)
        return text
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, text)
    except (OSError, NotWritten):
        pass
    return text


def trim() -> None:
    """Remove the least recently used objects until the cache fits `limit`. Objects used in the last minute stay."""
    most, every = limit(), entries()
    size = sum(entry.bytes for entry in every)
    for entry in every:
        if size <= most or time.time() - entry.used < _FRESH_SECONDS:
            return
        size -= entry.bytes if entry.remove() else 0


def clear() -> tuple[list[Entry], list[Entry]]:
    """Remove all objects that no running process uses. Return those removed, and those left."""
    removed: list[Entry] = []
    left: list[Entry] = []
    for entry in entries():
        (removed if entry.remove() else left).append(entry)
    return removed, left


def others() -> Iterator[tuple[str, Sequence[Path]]]:
    """Yield the name and files of each cache folder that is not in `KINDS`."""
    root = cache_root()
    for folder in sorted(root.iterdir()) if root.is_dir() else []:
        if folder.is_dir() and folder.name not in KINDS:
            yield folder.name, [file for file in folder.rglob("*") if file.is_file()]


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder except hidden ones, which are still being written."""
    try:
        return [file for file in folder.iterdir() if not file.name.startswith(".") and file.is_file()]
    except OSError:
        return []


def _lock(file: Path, locks: ExitStack) -> None:
    """Lock a file exclusively; closing ``locks`` unlocks it. Raises BlockingIOError if another process uses it."""
    try:
        lock = os.open(file, os.O_RDONLY)
    except OSError:
        return  # the file was removed, or belongs to another user
    locks.callback(os.close, lock)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        pass  # the file system has no locks
