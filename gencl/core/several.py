"""Convert arguments that may be one thing or several (names, numbers, classes, files) to lists.

A string of names, numbers or classes is split as on the command line: ``"fid,kid"`` or ``"0-4"``. Other texts and file
names are never split.
"""

from __future__ import annotations

import operator
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from gencl.core.errors import UsageError

Names: TypeAlias = str | Sequence[str]
Numbers: TypeAlias = int | str | Sequence[int]
Classes: TypeAlias = int | str | Sequence[int | str]
Files: TypeAlias = str | Path | Sequence[str | Path]


def _each(given: Any) -> list[Any]:
    """Return a list of one number, of any library's integer type, or of several."""
    try:
        return [operator.index(given)]
    except TypeError:
        return list(given)


def names(given: Names) -> list[str]:
    """Return a list of names: ``"fid,kid"``, or a list of such texts -> ["fid", "kid"]."""
    return [name.strip() for text in texts(given) for name in text.split(",")]


def texts(given: Names) -> list[str]:
    """Return a list of texts from one text or several. Commas do not split."""
    return [given] if isinstance(given, str) else list(given)


def files(given: Files) -> list[str | Path]:
    """Return a list of files from one file or several."""
    return [given] if isinstance(given, str | os.PathLike) else list(given)


def numbers(given: Numbers, option: str) -> list[int]:
    """Return a list of integers from ``"0-2,5"`` (-> [0, 1, 2, 5]), one number or several.

    Raises UsageError, naming the option, for any other string, and for a number named twice.
    """
    values = _ranges(given, option) if isinstance(given, str) else [*map(int, _each(given))]
    if len(set(values)) < len(values):
        raise UsageError(f"{option}: {given!r} names a number twice")
    return values


def _ranges(text: str, option: str) -> list[int]:
    values: list[int] = []
    try:
        for part in text.split(","):
            first, dash, last = part.strip().partition("-")
            low, high = int(first), int(last if dash else first)
            if not 0 <= high - low <= 100_000:
                raise ValueError
            values += range(low, high + 1)
    except ValueError:
        raise UsageError(f"{option}: {text!r}: write numbers and ranges such as 0-2,5") from None
    return values


def classes(given: Classes) -> list[int | str | tuple[str, ...]]:
    """Return a list of classes from ``"0-2,cats"`` (-> [("0", "1", "2"), "cats"]), one number, or several of either.

    Numbers in a string stay strings, since a class's name may be a number; those of a range stay together, since all of
    them are names or none is. Raises UsageError as `numbers` does.
    """
    if not isinstance(given, str):
        return [each if isinstance(each, str) else int(each) for each in _each(given)]
    wanted: list[int | str | tuple[str, ...]] = []
    for part in (part.strip() for part in given.split(",")):
        if not part:
            raise UsageError(f"--classes: {given!r}: write numbers, ranges or names such as 0-2,cats")
        of_range = re.fullmatch(r"\d+\s*-\s*\d+", part)
        wanted.append(tuple(map(str, numbers(part, "--classes"))) if of_range else part)
    every = [one for part in wanted for one in (part if isinstance(part, tuple) else (part,))]
    if len(set(every)) < len(every):
        raise UsageError(f"--classes: {given!r} names a class twice")
    return wanted
