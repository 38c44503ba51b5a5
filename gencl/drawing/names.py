"""Names that leave room for what they stand beside."""

from __future__ import annotations

LETTERS = 24
"""The longest name beside a row of images or a line of a chart."""


def shortened(name: str, letters: int = LETTERS) -> str:
    """The name in at most so many letters. What is left out is in the middle: names of variants often differ in their
    last letters."""
    end = letters // 3
    return name if len(name) <= letters else f"{name[: letters - 1 - end]}…{name[-end:]}"
