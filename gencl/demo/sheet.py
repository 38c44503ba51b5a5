"""The content of the page before it becomes HTML: pictures in named rows under a title."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from gencl.drawing.grids import to_picture


@dataclass(frozen=True)
class Cell:
    """A picture and its description. Without a picture, ``words`` say why it is missing."""

    words: str
    picture: Image.Image | None = None


@dataclass(frozen=True)
class Row:
    """Cells side by side, with a name."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Sheet:
    """Rows of pictures.

    Args:
        title: the title, possibly empty.
        rows: the rows from top to bottom.
        width: the width of each picture, in its own pixels.
        wrapped: whether a row may wrap if the window is narrow.
    """

    title: str
    rows: tuple[Row, ...]
    width: int
    wrapped: bool = True


@dataclass(frozen=True)
class Answers:
    """Probabilities by class, highest first."""

    title: str
    shares: tuple[tuple[str, float], ...]


def drawn(images: Iterable[Tensor], words: Iterable[str]) -> tuple[Cell, ...]:
    """Return cells with uint8 images (c, h, w) and their descriptions."""
    return tuple(Cell(text, to_picture(image)) for image, text in zip(images, words, strict=True))
