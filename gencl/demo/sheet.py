"""Pictures in named rows under a title: what the page shows, before it becomes HTML."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from gencl.drawing.grids import to_picture


@dataclass(frozen=True)
class Cell:
    """A picture and its description in words; without a picture the words say why."""

    words: str
    picture: Image.Image | None = None


@dataclass(frozen=True)
class Row:
    """Cells beside each other, under a name."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Sheet:
    """Rows of pictures.

    Args:
        title: what they have in common; empty where there is nothing to say.
        rows: from top to bottom.
        width: of each picture, in its own pixels.
        wrapped: whether a row may go on in a next line where the window is narrow.
    """

    title: str
    rows: tuple[Row, ...]
    width: int
    wrapped: bool = True


@dataclass(frozen=True)
class Answers:
    """Probabilities by class, the highest first."""

    title: str
    shares: tuple[tuple[str, float], ...]


def drawn(images: Iterable[Tensor], words: Iterable[str]) -> tuple[Cell, ...]:
    """Return cells of uint8 images (c, h, w) and their descriptions."""
    return tuple(Cell(text, to_picture(image)) for image, text in zip(images, words, strict=True))
