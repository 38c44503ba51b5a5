"""Column names stay within the picture and never run into one another."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from gencl.drawing.grids import GAP, draw_grid
from gencl.drawing.headings import level

FASHION = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


def drawn(names: list[str], side: int = 40) -> Image.Image:
    cells = [[torch.full((1, side, side), 200, dtype=torch.uint8)] * len(names)]
    return draw_grid(cells, column_names=names)


def ink_of(picture: Image.Image, side: int = 40) -> list[int]:
    """Return the columns of pixels that have ink above the images."""
    above = np.asarray(picture.convert("L"))[: picture.height - side - 2 * GAP]
    return [int(x) for x in np.flatnonzero((above < 160).any(0))]


def test_names_are_moved_only_as_far_as_the_edges_ask() -> None:
    assert level([20, 60, 100], [10, 10, 10], 4, 120) == [20, 60, 100]
    assert level([20, 100], [60, 50], 4, 120) == [32, 93]  # from 2 to 62, and from 68 to 118
    assert level([20, 100], [60, 60], 4, 120) is None
    assert level([20], [119], 4, 120) is None and level([], [], 4, 120) == []


@pytest.mark.parametrize(("first", "last"), [("human faces", "anime faces"), ("automobile", "ship"), ("from", "to")])
def test_names_at_the_sides_are_whole(first: str, last: str) -> None:
    picture = drawn([first, *[""] * 6, last])
    ink = ink_of(picture)
    assert picture.width == 8 * (40 + GAP) + GAP and ink[0] >= 1 and ink[-1] < picture.width - 1
    centred = drawn(["", "", "", first, *[""] * 4])  # the name in the middle has as much ink
    both = drawn(["", "", "", last, *[""] * 4])
    assert len(ink) == pytest.approx(len(ink_of(centred)) + len(ink_of(both)), abs=3)


def test_names_without_room_are_slanted_and_told_apart() -> None:
    flat, slanted = drawn([str(number) for number in range(10)]), drawn(FASHION)
    assert flat.width == 10 * (40 + GAP) + GAP and slanted.height > flat.height
    ink = ink_of(slanted)
    assert ink[-1] < slanted.width - 1 and slanted.width > flat.width  # there is room for the last name
    top = slanted.height - 40 - 2 * GAP
    begun = (np.asarray(slanted.convert("L"))[top - 12 : top] < 160).any(0)  # right above the images
    starts = [GAP + j * (40 + GAP) for j in range(10)]
    assert all(begun[start : start + 40].any() and not begun[start : start + 8].any() for start in starts)
    assert drawn(["automobile"]).width > 60
