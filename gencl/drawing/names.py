"""Shorten names to leave room in pictures."""

from __future__ import annotations

from collections.abc import Sequence

LETTERS = 24
"""Maximal length of a name beside a row of images or a line of a chart."""


def shortened(name: str, letters: int = LETTERS) -> str:
    """Return the name in at most ``letters`` characters.

    Characters are dropped in the middle, because names of variants often differ in their last letters.
    """
    end = letters // 3
    return name if len(name) <= letters else f"{name[: letters - 1 - end]}…{name[-end:]}"


def all_shortened(names: Sequence[str], letters: int = LETTERS) -> list[str]:
    """Return the names in at most ``letters`` characters, or in as few more as tell all of them apart."""
    short = [shortened(name, letters) for name in names]
    return short if len(set(short)) == len(set(names)) else all_shortened(names, letters + 1)
