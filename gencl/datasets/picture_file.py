"""Decoded pictures in one file, of which only those pages are read that somebody looks at.

The file holds the pixels, uint8, one picture after another; then what they are, as JSON; then the length of that and a
mark. What was cut short has no mark.
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
"""Change it whenever files, or what decoding gives, become others."""
_MARK = b"\ngencl pictures\n"
_LENGTH = 8
"""Bytes of the number before the mark."""


class Unreadable(Exception):
    """A file that is not what it should be; the text says how."""


@dataclass
class About:
    """What a file holds.

    ``key`` is equal for equal picture files; ``shape`` is (c, h, w); ``content`` has a hash for each picture that is
    held, ``unusable`` the names and reasons of those that are not, each in the order of the picture files.
    """

    key: str
    shape: tuple[int, int, int] = (1, 1, 1)
    content: list[int] = field(default_factory=list)
    unusable: list[tuple[str, str]] = field(default_factory=list)
    dark: int = 0
    """How many pictures are nearly black."""


@dataclass(frozen=True)
class Decoded:
    """The pictures of a file, and what they are."""

    images: Tensor
    about: About
    on_disk: bool

    @property
    def content(self) -> Tensor:
        """A hash of each picture's pixels as they were decoded, int64 (n,)."""
        return torch.tensor(self.about.content, dtype=torch.int64)

    def store(self, channels: int | None = None) -> Store:
        """The images, grey ones as RGB for 3 ``channels``, which takes no room."""
        shown = self.images.expand(-1, channels or -1, -1, -1)
        content = digest_of(torch.__version__, repr(tuple(shown.shape)), self.content)  # by what decoded and resized it
        return Store((shown,), self.on_disk, content)


def ending(about: About) -> Iterator[bytes]:
    """What follows the pixels in a file."""
    text = json.dumps({"version": VERSION, **asdict(about)}).encode()
    yield text + len(text).to_bytes(_LENGTH, "little") + _MARK


def load(path: Path, key: str) -> Decoded | None:
    """The pictures of a file, none of which is read yet; None where there is no such file, or one of another key.

    Raises Unreadable for a file of another version, and for one that was cut short or damaged otherwise.
    """
    try:
        with cache.opened(path) as file:
            pages = np.memmap(file, np.uint8, "c")  # changes, which nobody makes, would stay in memory
    except OSError:
        return None
    except ValueError:
        raise Unreadable("empty") from None
    decoded = parse(pages, on_disk=True)
    return decoded if decoded.about.key == key else None


def parse(pages: np.ndarray[Any, np.dtype[np.uint8]], on_disk: bool = False) -> Decoded:
    """As `load`, of the bytes of a file."""
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
