"""Files that are either the old ones or the new ones, never half of each: written beside, flushed, renamed."""

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
"""Names of files that `write` has not yet renamed."""


def printable(name: str | Path) -> str:
    """A name as people may be shown it, on one line: what does not print (line breaks, control characters, bytes that
    are no text) is escaped, such as ``\\n``."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(name))


HUB, TORCHVISION = "hf:", "torchvision:"
"""What the names of data sets start with that other libraries know."""


def is_path(name: str) -> bool:
    """Whether a name is that of a folder (it contains a ``/`` or starts with a ``.``) and not of a data set."""
    return ("/" in name or name.startswith(".")) and not name.startswith((HUB, TORCHVISION))


def hub_path(name: str) -> str:
    """The folder in ``hf:./FOLDER``, or nothing where a name is another one."""
    rest = name.removeprefix(HUB)
    return rest if rest != name and rest.startswith((".", "/", "~")) else ""


def place(name: str | os.PathLike[str]) -> Path:
    """The path that somebody has written; ``~`` is the home folder, which need not be there (containers have users
    without one)."""
    return Path(os.path.expanduser(name))  # noqa: PTH111  # Path raises


def optional_place(name: str | os.PathLike[str] | None) -> Path | None:
    """`place`, of a path that may be left out."""
    return None if name is None else place(name)


def here(path: Path) -> Path:
    """A path as people may be shown it: from the current folder where it lies in it."""
    with suppress(OSError, ValueError):  # the current folder was removed, or is another
        return path.relative_to(Path.cwd())
    return path


def absolute(name: str) -> str:
    """A folder's path made absolute, so that it means the same from everywhere; a data set's name as it is."""
    if folder := hub_path(name):
        return f"{HUB}{absolute(folder)}" if is_path(folder) else f"{HUB}{place(folder)}"
    return os.path.abspath(place(name)) if is_path(name) else name  # noqa: PTH100  # Path keeps ..


def locked(folder: Path, patience: float = 0.0) -> int:
    """Locks a folder for this process, and returns what `os.close` unlocks: the kernel does so when the process ends.

    Raises BlockingIOError where another process has locked it, and has it still after ``patience`` seconds.
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
    """Makes a folder, which may be there. Raises NotWritten naming it, or ``named``, when it cannot be made."""
    try:
        path.mkdir(parents=parents, exist_ok=True)
    except OSError as error:
        raise cannot_write(named or path, error) from error


def write(path: Path, data: bytes | str) -> None:
    """Replaces ``path`` atomically. Raises NotWritten naming the file when it cannot be (a full disk, say)."""
    write_pieces(path, [data.encode() if isinstance(data, str) else data])


def write_pieces(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """As `write`, of what comes piece by piece."""
    with replacing(path) as scratch, scratch.open("wb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a path to write to, which becomes ``path`` when the block ends, and is removed when it fails.

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
    """Removes what a process that was killed while it wrote left beside its files: nobody else may write there, or
    nobody leaves a file that he writes alone for ``idle`` seconds."""
    for path in folder.rglob(".*"):
        if _SCRATCH.fullmatch(path.name) and path.is_file():
            with suppress(FileNotFoundError):  # it has just got its own name
                if time.time() - path.stat().st_mtime >= idle:
                    path.unlink()


def is_empty(folder: Path) -> bool:
    """Whether a folder holds no file but what `clear_scratch` removes: as a run leaves it that was killed at once."""
    return all(path.is_dir() or _SCRATCH.fullmatch(path.name) for path in folder.rglob("*"))


def check_folder(folder: Path) -> None:
    """Raises UsageError unless files can be written into a folder that is there, or that can be made. Leaves nothing.

    It tries, since permissions do not tell all (root on a read-only file system, say).
    """
    try:
        paths = [folder, *folder.parents]
        nearest = next(path for path in paths if _is_there(path))
        if nearest.is_symlink() and not nearest.exists():
            raise UsageError(f"cannot write {printable(folder)}: {printable(nearest)} is a link to nothing")
        for path in paths[: paths.index(nearest)]:
            _is_there(nearest / path.name)  # raises where the name is too long
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
    """What to tell a user whose file could not be written."""
    return NotWritten(f"cannot write {path}: {error.strerror or error}")


def write_json(path: Path, value: Any) -> None:
    """JSON without NaN, ended by a newline."""
    write(path, json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def save_tensors(path: Path, tensors: Mapping[str, Any]) -> str:
    """Writes a safetensors file and returns its sha256. Equal tensors give equal bytes."""
    digest = hashlib.sha256()
    write_pieces(path, _digested(tensors, digest))
    return digest.hexdigest()


def checksum(tensors: Mapping[str, Any]) -> str:
    """What `save_tensors` would return, without writing."""
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
    """The checksum of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
