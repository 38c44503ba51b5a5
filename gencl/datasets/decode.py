"""Decodes one picture file to pixels, or says why that is impossible."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias
from warnings import catch_warnings, simplefilter

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff")
KINDS = "PNG, JPEG, WebP, BMP, GIF or TIFF"
UNREAD = (".heic", ".heif", ".avif", ".jxl", ".jp2", ".svg", ".psd", ".tga", ".ico", ".exr", ".raw", ".dng", ".cr2")
"""Suffixes of picture formats that are not supported; a message says that these files are left out."""
LARGEST_ENLARGEMENT = 8
"""A picture is not enlarged by a larger factor."""

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
"""Allowed formats. Pillow knows more, but some of them run programs such as Ghostscript."""
_GREY_MODES = ("1", "L", "LA", "La")
_LEAST = 4
"""Smallest side, in pixels."""

Pixels: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


class Unusable(Exception):
    """A file that gives no picture; the text says why. ``lasting``: this holds until the file changes."""

    def __init__(self, reason: str, lasting: bool = True) -> None:
        super().__init__(reason)
        self.lasting = lasting


@contextmanager
def strict() -> Iterator[None]:
    """Within the block, Pillow's warning of a decompression bomb is an error, and its other warnings are silent.

    Warning filters apply to the whole process: enter the block before starting threads that decode, leave it after they
    have ended.
    """
    with catch_warnings():
        simplefilter("ignore")
        simplefilter("error", Image.DecompressionBombWarning)
        yield


def decode(file: Path | bytes, size: int | None) -> Pixels:
    """Return the pixels of a picture, turned upright: (height, width) if it is grey, else (height, width, 3).

    Of an animation, the first frame is decoded. Transparent areas become white, as viewers show them. Of 16 bits per
    pixel, the upper 8 are kept.

    Args:
        file: a file in one of the formats of `KINDS`, whatever its suffix; or its content.
        size: the side to which the picture will be reduced. A JPEG is then decoded at a half, a quarter or an eighth of
            its size, if that leaves sides of at least 2 * size; this is several times as fast. None: full size.

    Raises Unusable if the file is broken or its sides are too small; within `strict`, also if it has more pixels than
    Pillow thinks safe (89 million).
    """
    with _reasons():
        if isinstance(file, Path) and not file.is_file():
            raise Unusable("it is not a file that can be opened")
        with Image.open(BytesIO(file) if isinstance(file, bytes) else file, formats=_FORMATS) as opened:
            return _upright(opened, size)


def decoded(make: Callable[[], Any], size: int | None) -> Pixels:
    """Return a picture that a library's function makes, as `decode` does.

    Raises Unusable also if that fails or gives no picture.
    """
    with _reasons():
        picture = make()
        if not isinstance(picture, Image.Image):
            raise Unusable(f"it is no picture but {type(picture).__name__}")
        return _upright(picture, size)


def _upright(picture: Image.Image, size: int | None) -> Pixels:
    least = max(_LEAST, -(-(size or 0) // LARGEST_ENLARGEMENT))
    if min(picture.size) < least:
        raise Unusable(f"{picture.width}x{picture.height} pixels are too few ({least} a side are needed)")
    if size is not None:
        picture.draft(None, (2 * size, 2 * size))
    ImageOps.exif_transpose(picture, in_place=True)
    return _pixels(picture)


@contextmanager
def _reasons() -> Iterator[None]:
    """Turn every error within the block, other than MemoryError, into Unusable."""
    try:
        yield
    except (Unusable, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unusable(f"it has more than {Image.MAX_IMAGE_PIXELS:,} pixels, which is not safe to decode") from None
    except UnidentifiedImageError:
        raise Unusable(f"it is none of {KINDS}") from None
    except OSError as error:
        raise Unusable(error.strerror or _line(error), lasting=error.errno is None) from None
    except Exception as error:  # decoders raise errors of any kind for damaged files
        raise Unusable(_line(error)) from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _pixels(image: Image.Image) -> Pixels:
    if image.mode == "F":
        raise Unusable("its pixels are floating-point numbers, whose white is not known")
    if image.mode.startswith("I"):  # 16 bits per pixel, which Pillow would clip at 255
        return (np.asarray(image).astype(np.int64).clip(0, 65_535) >> 8).astype(np.uint8)
    mode = "L" if image.mode in _GREY_MODES else "RGB"
    if "transparency" in image.info or image.mode[-1] in "Aa":
        whole = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", whole.size, "white"), whole)
    return np.array(image.convert(mode))
