"""Write names above the columns of a grid: level where there is room, else slanted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_MARGIN = 2
_ANGLE = 45
"""Degrees by which names rise if they have no room side by side."""


class Headings:
    """Names above the columns of a grid, measured before the picture is made.

    Args:
        names: each name with the centre of its column, from left to right.
        letters: the font's size in pixels.
        width: of the grid.

    ``height`` is the room above the grid that the names need. ``width`` is that of the picture, which slanted names may
    widen.
    """

    def __init__(self, names: Sequence[tuple[int, str]], font: Font, letters: int, width: int) -> None:
        self._names, self._font, line = names, font, int(1.5 * letters)
        lengths = [font.getlength(name) for _, name in names]
        self._centres = level([centre for centre, _ in names], lengths, letters / 3, width)
        slanted = [] if self._centres is not None else names
        # a third of a line to the left, the middle of a slanted name's beginning is above the centre
        self._slanted = [(centre - line // 3, _slanted(name, font, line)) for centre, name in slanted]
        self.height = max([line if names else 0, *(text.height for _, text in self._slanted)])
        self.width = max([width, *(start + text.width for start, text in self._slanted)])

    def write(self, picture: Image.Image, ink: tuple[int, int, int]) -> None:
        """Write the names at the top of the picture."""
        pen = ImageDraw.Draw(picture)
        if self._centres is not None:
            for centre, (_, name) in zip(self._centres, self._names, strict=True):
                pen.text((centre, self.height // 2), name, ink, self._font, anchor="mm")
        for start, text in self._slanted:
            picture.paste(ink, (start, self.height - text.height), text)


def level(centres: Sequence[int], lengths: Sequence[float], gap: float, width: int) -> list[float] | None:
    """Return where to centre names of these lengths: above their columns, or as near as the picture's edges allow.

    Return None if there is no room for them, with a gap between neighbours.
    """
    low, high = _MARGIN, width - _MARGIN
    moved = [
        min(max(centre, low + length / 2), high - length / 2) for centre, length in zip(centres, lengths, strict=True)
    ]
    edges = [(at - length / 2, at + length / 2) for at, length in zip(moved, lengths, strict=True)]
    apart = all(before[1] + gap <= after[0] for before, after in pairwise(edges))
    return moved if apart and all(start >= low for start, _ in edges) else None


def _slanted(name: str, font: Font, height: int) -> Image.Image:
    """Return the name as a mask, rising to the right."""
    text = Image.new("L", (math.ceil(font.getlength(name)) + _MARGIN, height))
    ImageDraw.Draw(text).text((0, height // 2), name, 255, font, anchor="lm")
    return text.rotate(_ANGLE, Image.Resampling.BICUBIC, expand=True)
