"""Paths, and atomic writing: a new file is written beside the old one, flushed to disk, then renamed."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gencl.core.errors import NotWritten, UsageError

_SCRATCH = re.compile(r"\..+\.[a-z0-9_]{8}\.part")
"""Names of scratch files that `replacing` has not renamed yet."""


def printable(name: str | Path) -> str:
    """Return a name as one printable line. Line breaks, control characters and undecodable bytes are escaped, such as
    ``\\n``."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(name))


HUB, TORCHVISION = "hf:", "torchvision:"
"""Prefixes of data sets that come from other libraries."""


def is_path(name: str) -> bool:
    """Return whether a name is a folder's path (it contains a ``/`` or starts with ``.``) and not a data set's name."""
    return ("/" in name or name.startswith(".")) and not name.startswith((HUB, TORCHVISION))


def hub_path(name: str) -> str:
    """Return the folder in a name such as ``hf:./FOLDER``, or "" for any other name."""
    rest = name.removeprefix(HUB)
    return rest if rest != name and rest.startswith((".", "/", "~")) else ""


def place(name: str | os.PathLike[str]) -> Path:
    """Return the path that a user wrote, with ``~`` expanded. Works without a home folder, as in some containers."""
    return Path(os.path.expanduser(name))  # noqa: PTH111  # Path.expanduser raises without a home


def optional_place(name: str | os.PathLike[str] | None) -> Path | None:
    """Return `place` of a path, or None for None."""
    return None if name is None else place(name)


def here(path: Path) -> Path:
    """Return a path for messages: relative if it is inside the current folder, otherwise unchanged."""
    with suppress(OSError, ValueError):  # outside the current folder, or that was removed
        return path.relative_to(Path.cwd())
    return path


def absolute(name: str) -> str:
    """Return a folder's path as an absolute path, valid from any current folder; a data set's name unchanged."""
    if folder := hub_path(name):
        return f"{HUB}{absolute(folder)}" if is_path(folder) else f"{HUB}{place(folder)}"
    return os.path.abspath(place(name)) if is_path(name) else name  # noqa: PTH100  # Path.absolute keeps ..


def locked(folder: Path, patience: float = 0.0) -> int:
    """Lock a folder for this process and return a file descriptor. `os.close` unlocks it, as does the process's end.

    Raises BlockingIOError if another process still holds the lock after ``patience`` seconds.
    """
    lock, deadline = os.open(folder, os.O_RDONLY), time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except OSError as error:
            if not isinstance(error, BlockingIOError) or time.monotonic() > deadline:
                os.close(lock)
                raise
        time.sleep(0.05)


def make_folder(path: Path, parents: bool = False, named: Path | None = None) -> None:
    """Create a folder if it does not exist. Raises NotWritten, naming the folder or ``named``, if that fails."""
    try:
        path.mkdir(parents=parents, exist_ok=True)
    except OSError as error:
        raise cannot_write(named or path, error) from error


def write(path: Path, data: bytes | str) -> None:
    """Replace ``path`` atomically. Raises NotWritten naming the file if that fails, for example on a full disk."""
    write_pieces(path, [data.encode() if isinstance(data, str) else data])


def write_pieces(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """Replace ``path`` atomically, as `write` does, with content that arrives in pieces."""
    with replacing(path) as scratch, scratch.open("wb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a scratch file, which replaces ``path`` when the block ends and is removed if the block fails.

    Raises NotWritten for an OSError in the block.
    """
    scratch = None
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        scratch = Path(name)
        os.close(descriptor)
        yield scratch
        scratch.chmod(0o644)
        scratch.replace(path)
    except BaseException as error:  # the block may fail, or be interrupted
        if scratch is not None:
            scratch.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise cannot_write(path, error) from error
        raise


def clear_scratch(folder: Path, idle: float = 0.0) -> None:
    """Remove scratch files left by a process that was killed while writing.

    Only files unchanged for ``idle`` seconds are removed. With the default 0, no other process may be writing there.
    """
    for path in folder.rglob(".*"):
        if _SCRATCH.fullmatch(path.name) and path.is_file():
            with suppress(FileNotFoundError):  # it was just renamed
                if time.time() - path.stat().st_mtime >= idle:
                    path.unlink()


def is_empty(folder: Path, besides: str = "") -> bool:
    """Return whether a folder holds no files except scratch files, as after a run that was killed at its start.

    A file called ``besides`` does not count either.
    """
    return all(path.is_dir() or path.name == besides or _SCRATCH.fullmatch(path.name) for path in folder.rglob("*"))


def check_folder(folder: Path) -> None:
    """Raise UsageError unless the folder, existing or to be created, can be written to. Leaves no files behind.

    It writes a temporary file, since permissions are not enough (for root on a read-only file system, for example).
    """
    try:
        paths = [folder, *folder.parents]
        nearest = next(path for path in paths if _is_there(path))
        if nearest.is_symlink() and not nearest.exists():
            raise UsageError(f"cannot write {printable(folder)}: {printable(nearest)} is a link to nothing")
        for path in paths[: paths.index(nearest)]:
            _is_there(nearest / path.name)  # raises OSError if the name is too long
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise UsageError(f"cannot write {printable(folder)}: {error.strerror or error}") from error


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def cannot_write(path: Path, error: OSError) -> NotWritten:
    """Return the NotWritten error for a file that could not be written."""
    return NotWritten(f"cannot write {path}: {error.strerror or error}")


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, atomically, with a final newline. Raises ValueError for NaN and infinity."""
    write(path, json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def save_tensors(path: Path, tensors: Mapping[str, Any]) -> str:
    """Write a safetensors file and return its SHA-256. Equal tensors give equal bytes."""
    digest = hashlib.sha256()
    write_pieces(path, _digested(tensors, digest))
    return digest.hexdigest()


def checksum(tensors: Mapping[str, Any]) -> str:
    """Return the SHA-256 that `save_tensors` would return, without writing."""
    digest = hashlib.sha256()
    for _ in _digested(tensors, digest):
        pass
    return digest.hexdigest()


def _digested(tensors: Mapping[str, Any], digest: hashlib._Hash) -> Iterator[bytes | memoryview]:
    from gencl.core.tensor_files import pieces

    for piece in pieces(tensors):
        digest.update(piece)
        yield piece


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
