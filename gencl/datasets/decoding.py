"""Decodes picture files in parallel, and writes them in order as they become ready."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

import torch
from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.threads import allowed_cores
from gencl.core.waiting import waited
from gencl.datasets import picture_file
from gencl.datasets.decode import Unusable, strict
from gencl.datasets.picture_file import About
from gencl.datasets.picture_source import PictureSource
from gencl.datasets.resize import fit

_AHEAD = 4
"""Pictures per thread that are decoded ahead and kept in memory until it is their turn."""
NEARLY_BLACK = 16
"""A picture without a pixel of at least this value, of 255, shows nothing. Pictures of 12 bits stored in 16 end up like
this."""

In = TypeVar("In")
Out = TypeVar("Out")
Write = Callable[[Iterable[bytes | memoryview]], object]
"""Writes a file from its pieces."""


class _Colour(Exception):
    """Raised for a picture in colour if all were assumed to be grey."""


class Decoding:
    """The pictures of a source, each cropped to its centre square and resized.

    With ``grey`` they are converted to grey. Otherwise, they are grey if all pictures are grey, and RGB if not. Threads
    use all cores, since Pillow, torch and the hashes release Python's global lock.
    """

    def __init__(self, source: PictureSource, size: int | None, grey: bool) -> None:
        self._source, self._size, self._grey = source, size, grey

    def write(self, to: Write) -> str:
        """Pass the pieces of a `picture_file` to ``to`` and return the key in it.

        ``to`` is called a second time if a picture in colour follows grey ones. The key is empty if a picture could not
        be read for a reason that may pass. Raises UsageError if pictures differ in size and are not resized.
        """
        try:
            return self._write(to, 1)
        except _Colour:
            return self._write(to, 3)

    def _write(self, to: Write, channels: int) -> str:
        about = About(self._source.key)
        with closing(self._pieces(about, channels)) as pieces:
            to(pieces)
        return about.key

    def _pieces(self, about: About, channels: int) -> Generator[bytes | memoryview]:
        threads = allowed_cores()
        with strict(), ThreadPoolExecutor(threads) as pool:
            results = _in_order(pool, self._read, self._source.names, _AHEAD * threads)
            shown = waited(results, len(self._source.names), f"reading {self._source.title}")
            for name, result in zip(self._source.names, shown, strict=True):
                if isinstance(result, Unusable):
                    about.unusable.append((name, str(result)))
                    about.key = about.key if result.lasting else ""
                    continue
                image, content, brightest = result
                about.dark += brightest < NEARLY_BLACK
                if image.shape[1] > channels:
                    raise _Colour
                image = fit(image, None, channels)
                self._check_size(about, image)
                about.content.append(content)
                yield image.contiguous().view(-1).numpy().data
        yield from picture_file.ending(about)

    def _read(self, name: str) -> tuple[Tensor, int, int] | Unusable:
        """Return a picture (1, c, h, w), the hash of its decoded pixels, and its brightest value; or why it is
        unusable."""
        try:
            pixels = self._source.pixels(name, self._size)
        except Unusable as reason:
            return reason
        digest = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()
        image = torch.from_numpy(pixels.reshape(*pixels.shape[:2], -1)).permute(2, 0, 1)[None]
        image = fit(image, self._size, None)
        image = fit(image, None, 1) if self._grey else image
        return image, int.from_bytes(digest[:8], "big", signed=True), int(pixels.max())

    def _check_size(self, about: About, image: Tensor) -> None:
        _, channels, height, width = image.shape
        if not about.content:
            about.shape = channels, height, width
        if about.shape[1:] != (height, width):
            raise UsageError(
                f"{self._source.title}: pictures of several sizes, {about.shape[2]}x{about.shape[1]} and "
                f"{width}x{height} among them; bring them to one with data.size, such as --set data.size=64"
            )


def _in_order(pool: Executor, function: Callable[[In], Out], items: Iterable[In], ahead: int) -> Iterator[Out]:
    """Yield the function's result for each item, in order; the pool works on up to ``ahead`` items in advance."""
    coming: deque[Future[Out]] = deque()
    for item in items:
        coming.append(pool.submit(function, item))
        if len(coming) > ahead:
            yield coming.popleft().result()
    while coming:
        yield coming.popleft().result()
