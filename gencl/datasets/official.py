"""Files of official data sets: downloaded if absent, and read only after their md5 has been verified."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path

from torchvision.datasets.utils import calculate_md5

from gencl.core import files
from gencl.core.downloading import impatient
from gencl.core.errors import GenclError
from gencl.core.waiting import say


def obtain(
    name: str, root: Path, folder: Path, md5: Mapping[str, str], download: Callable[[], object], allowed: bool
) -> None:
    """Make sure that the files of data set ``name`` are in ``folder`` and are the official ones.

    Args:
        name: the data set's name in the registry.
        root: the data root.
        folder: the folder of its files.
        md5: the files' names and checksums.
        download: downloads them (torchvision's loader).
        allowed: whether it may.

    Raises GenclError if files are absent and cannot (or may not) be downloaded, or if one is damaged.
    """

    def there() -> bool:
        return all((folder / file).is_file() for file in md5)

    if not there():
        fetch(name, root, folder, md5, download, allowed, there)
    for file, expected in md5.items():
        verify(name, folder / file, expected)


def verify(name: str, path: Path, expected: str) -> None:
    """Raise GenclError if the file is absent or its md5 is not ``expected``."""
    if not path.is_file():
        raise GenclError(f"{path} is missing after the download; try again")
    actual = calculate_md5(str(path))
    if actual != expected:
        raise GenclError(
            f"{path} is damaged: its md5 is {actual}, not {expected}; delete it and fetch it again "
            f"(gencl data prepare {name})"
        )


def fetch(
    name: str,
    root: Path,
    folder: Path,
    wanted: Iterable[str],
    download: Callable[[], object],
    allowed: bool,
    there: Callable[[], bool],
) -> None:
    """Download as `attempt` does. Raises GenclError that names the files and the folder in which they were expected."""
    advice = (
        f"looked in {folder} for {', '.join(wanted)}; put them there, or its images as {root / name}/CLASS/*.png, "
        "or name their folder with --data-root or $GENCL_DATA"
    )
    attempt(name, root, root.joinpath(*folder.relative_to(root).parts[:1]), download, allowed, advice, there)


def attempt(
    name: str,
    root: Path,
    made: Path,
    download: Callable[[], object],
    allowed: bool,
    advice: str,
    there: Callable[[], bool],
) -> None:
    """Download, giving up after ten seconds without an answer.

    If that fails, the folder ``made`` is removed if the download created it. Only one process at a time downloads into
    a data root. The others wait, and then skip the download if ``there`` returns true.

    Raises GenclError that ends in ``advice``.
    """
    if not allowed:
        raise GenclError(f"{name} is not in {root} (fetch it: gencl data prepare {name}): {advice}")
    parent = next(path for path in (root, *root.parents) if path.exists())
    if not os.access(parent, os.W_OK):
        raise GenclError(f"{name} is not in {root}, which cannot be written to: {advice}")
    root_is_new = not root.exists()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _alone_in(root, name):
            if not there():
                _download(made, not made.exists() or (made == root and not any(root.iterdir())), download)
    except (OSError, RuntimeError, HTTPException) as error:
        if root_is_new:
            with suppress(OSError):  # it is not empty, or gone already
                root.rmdir()
        reason = " ".join(str(error).split())
        raise GenclError(f"{name} is absent and cannot be downloaded ({reason}): {advice}") from error


def _download(made: Path, is_new: bool, download: Callable[[], object]) -> None:
    """Download; on failure, remove a new folder, which would look like an incomplete data set."""
    try:
        with impatient():
            download()
    except BaseException:
        if is_new:
            shutil.rmtree(made, ignore_errors=True)
        raise


@contextmanager
def _alone_in(root: Path, name: str) -> Iterator[None]:
    """Within the block, no other process downloads into ``root``."""
    try:
        lock = files.locked(root)
    except BlockingIOError:
        say(f"{name}: another process is downloading into {root}; waiting for it")
        lock = files.locked(root, math.inf)
    try:
        yield
    finally:
        os.close(lock)
