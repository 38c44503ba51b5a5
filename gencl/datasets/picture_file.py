"""A file of decoded pictures, of which only the pages in use are read into memory.

The file holds the pixels, uint8, one picture after another; then a description, as JSON; then the length of the
description and an end mark. A truncated file has no end mark.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gencl.core import cache
from gencl.datasets.store import Store, digest_of

VERSION = 3
"""Increase it whenever the file format or the result of decoding changes."""
_MARK = b"\ngencl pictures\n"
_LENGTH = 8
"""Bytes of the number before the end mark."""


class Unreadable(Exception):
    """A file that is not valid; the text says why."""


@dataclass
class About:
    """The description of a file.

    ``key`` is equal for equal picture files; ``shape`` is (c, h, w). ``content`` has one hash per stored picture;
    ``unusable`` has names and reasons of those that could not be stored. Both are in the order of the picture files.
    """

    key: str
    shape: tuple[int, int, int] = (1, 1, 1)
    content: list[int] = field(default_factory=list)
    unusable: list[tuple[str, str]] = field(default_factory=list)
    dark: int = 0
    """Number of pictures that are nearly black."""


@dataclass(frozen=True)
class Decoded:
    """The pictures of a file, and its description."""

    images: Tensor
    about: About
    on_disk: bool

    @property
    def content(self) -> Tensor:
        """A hash of each picture's pixels as decoded, int64 (n,)."""
        return torch.tensor(self.about.content, dtype=torch.int64)

    def store(self, channels: int | None = None) -> Store:
        """Return the images as a store; with 3 ``channels``, grey ones appear as RGB without using more memory."""
        shown = self.images.expand(-1, channels or -1, -1, -1)
        content = digest_of(torch.__version__, repr(tuple(shown.shape)), self.content)  # torch resized the pictures
        return Store((shown,), self.on_disk, content)


def ending(about: About) -> Iterator[bytes]:
    """Yield the part of a file that follows the pixels."""
    text = json.dumps({"version": VERSION, **asdict(about)}).encode()
    yield text + len(text).to_bytes(_LENGTH, "little") + _MARK


def load(path: Path, key: str) -> Decoded | None:
    """Return the pictures of a file, without reading any yet; None if there is no such file or its key differs.

    Raises Unreadable for a file of another version, and for one that is truncated or damaged.
    """
    try:
        with cache.opened(path) as file:
            pages = np.memmap(file, np.uint8, "c")  # copy-on-write: the file cannot be changed
    except OSError:
        return None
    except ValueError:
        raise Unreadable("empty") from None
    decoded = parse(pages, on_disk=True)
    return decoded if decoded.about.key == key else None


def parse(pages: np.ndarray[Any, np.dtype[np.uint8]], on_disk: bool = False) -> Decoded:
    """Return the pictures in the bytes of a file, as `load` does, whatever its key."""
    end = len(pages) - len(_MARK) - _LENGTH
    if end < 0 or pages[end + _LENGTH :].tobytes() != _MARK:
        raise Unreadable("cut short")
    start = end - int.from_bytes(pages[end : end + _LENGTH].tobytes(), "little")
    try:
        about = json.loads(pages[max(0, start) : end].tobytes())
        if about.pop("version") != VERSION:
            raise Unreadable("of another version")
        found = About(about.pop("key"), tuple(about.pop("shape")), **about)
        images = torch.from_numpy(pages[:start]).view(len(found.content), *found.shape)
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError):
        raise Unreadable("damaged") from None
    found.unusable = [(name, reason) for name, reason in found.unusable]
    return Decoded(images, found, on_disk)
