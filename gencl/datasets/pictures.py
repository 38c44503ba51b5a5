"""Picture files as tensors, decoded once and kept in the cache."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gencl.core import cache, files
from gencl.core.errors import GenclError, NotWritten, UsageError
from gencl.core.files import printable
from gencl.core.folders import cache_root
from gencl.core.settings import DataSettings
from gencl.core.waiting import say
from gencl.datasets import picture_file
from gencl.datasets.dataset import Split
from gencl.datasets.decoding import NEARLY_BLACK, Decoding
from gencl.datasets.picture_file import Decoded
from gencl.datasets.picture_source import PictureSource, files_below

_NAMED = 10
"""At most this many of the files left out are named."""
_IDLE_SECONDS = 3600.0
"""A scratch file not written to for this long is abandoned."""


@dataclass(frozen=True)
class Pictures:
    """Images with their labels, and a hash of each one's pixels as decoded, int64 (n,).

    They are sorted by label and hash, so that file names have no influence.
    """

    part: Split
    content: Tensor


def read_pictures(root: Path, classes: Sequence[Sequence[Path]], data: DataSettings) -> Pictures:
    """Return the pictures of some classes, given as files below ``root``, as `pictures_of` does."""
    names = [[os.fspath(file.relative_to(root)) for file in some] for some in classes]
    return pictures_of(files_below(root, sorted({name for some in names for name in some})), names, data)


def pictures_of(source: PictureSource, classes: Sequence[Sequence[str]], data: DataSettings) -> Pictures:
    """Return the pictures of some classes, given by their names in a source; from the cache if none has changed.

    Each is cropped to its centre square and resized to ``data.size``. The cache has one file per source and size (and
    another for ``data.channels=1``). The images are pages of this file, read when they are taken.

    Raises UsageError if sizes differ and ``data.size`` is not given, or if a class has no usable picture. Raises
    GenclError that names the first file without a usable picture, unless ``data.broken`` is ``skip``: then such files
    are counted and named on standard error.
    """
    every = source.names
    decoded = _decoded(source, data)
    _check(source.title, decoded.about.unusable, len(every), data)
    if decoded.about.dark > len(every) / 2:
        say(
            f"{source.title}: {decoded.about.dark:,} of {len(every):,} pictures are nearly black (no pixel reaches "
            f"{NEARLY_BLACK} of 255), as 12 bits stored in 16 are: scale them first"
        )
    usable = set(every).difference(name for name, _ in decoded.about.unusable)
    rows = {name: row for row, name in enumerate(name for name in every if name in usable)}
    shown = [[rows[name] for name in some if name in usable] for some in classes]
    for of_class, found in zip(classes, shown, strict=True):
        if not found:
            raise UsageError(f"{source.title}{_folder_of(of_class[0])} holds no picture that can be used")
    labels = torch.arange(len(shown)).repeat_interleave(torch.tensor([len(some) for some in shown]))
    places = torch.tensor([row for some in shown for row in some])
    content = decoded.content[places]
    order = torch.from_numpy(np.lexsort((content.numpy(), labels.numpy())))
    return Pictures(Split(decoded.store(data.channels), labels[order], places[order]), content[order])


def _folder_of(name: str) -> str:
    folder = os.path.dirname(name)  # noqa: PTH120  # a name, and not always a path
    return f"/{printable(folder)}" if folder else ""


def _check(title: str, unusable: Sequence[tuple[str, str]], total: int, data: DataSettings) -> None:
    """Raise GenclError for unusable files, or name them on standard error, as ``data.broken`` says."""
    if not unusable:
        return
    if data.broken == "refuse":
        name, reason = unusable[0]
        raise GenclError(
            f"{title}/{printable(name)} cannot be used: {reason} ({len(unusable):,} of {total:,} pictures in "
            f"{title} cannot); repair or delete it, or leave all such out with --set data.broken=skip"
        )
    named = [f"{printable(name)} ({reason})" for name, reason in unusable[:_NAMED]]
    more = [f"and {len(unusable) - _NAMED:,} more"] if len(unusable) > _NAMED else []
    say(f"left out {len(unusable):,} of {total:,} pictures in {title}: {', '.join(named + more)}")


def _decoded(source: PictureSource, data: DataSettings) -> Decoded:
    """Return the pictures from the source's cache file, which is first made if it is missing, outdated or damaged."""
    grey = data.channels == 1
    place = hashlib.sha256(repr((source.place, data.size, grey)).encode()).hexdigest()[:32]
    path = cache_root() / "pictures" / place
    try:
        found = picture_file.load(path, source.key)
        if found is not None:
            return found
    except picture_file.Unreadable as reason:
        say(f"the cache of {source.title} is {reason}: its pictures are decoded again ({path})")
    cache.limit()  # reports a wrong cache size before the expensive part
    decoding = Decoding(source, data.size, grey)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.clear_scratch(path.parent, _IDLE_SECONDS)
        written = decoding.write(lambda pieces: files.write_pieces(path, pieces))
    except (OSError, NotWritten) as error:
        say(f"{error}: the pictures of {source.title} stay in memory, and are decoded again at each start")
        return _in_memory(decoding)
    found = picture_file.load(path, written)
    cache.trim()
    if found is None:
        raise GenclError(f"the pictures in {source.title} were changed while they were read; start again")
    return found


def _in_memory(decoding: Decoding) -> Decoded:
    pages = bytearray()

    def collect(pieces: Iterable[bytes | memoryview]) -> None:
        pages.clear()
        for piece in pieces:
            pages.extend(piece)

    decoding.write(collect)
    return picture_file.parse(np.frombuffer(pages, np.uint8))
