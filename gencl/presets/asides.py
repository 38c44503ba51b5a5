"""The keys of a preset that are not settings of a run."""

from __future__ import annotations

import math
from typing import Any

from gencl.core.errors import UsageError
from gencl.presets import names

BLOCKS = ("data", "scenario", "model", "train", "evaluate")
"""The blocks of settings outside the method's."""


def take_asides(tree: dict[str, Any], where: str) -> int:
    """Remove ``about``, ``time`` and ``seeds`` from ``tree`` and return the number of seeds of a comparison, default 1.

    Raises UsageError unless ``time`` is a positive number and ``seeds`` a positive integer.
    """
    tree.pop("about", None)
    minutes, seeds = tree.pop("time", 1), tree.pop("seeds", 1)
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 0 < minutes < math.inf:
        raise UsageError(f"{where}: time: {minutes!r} is no time; write the minutes that a run takes on two cores")
    if not isinstance(seeds, int) or isinstance(seeds, bool) or seeds < 1:
        raise UsageError(f"{where}: seeds: {seeds!r} is no number of seeds; write a whole number such as 5")
    return seeds


def check_name(tree: dict[str, Any], where: str) -> None:
    """Raise UsageError if the file seems to change a preset by naming it: ``preset`` is only a name.

    A run's config.yaml names its preset too, but has all blocks of settings.
    """
    named = tree.get("preset")
    if named in names() and not tree.keys() >= set(BLOCKS):
        raise UsageError(
            f"{where}: preset: {named} is only a name, and a file does not take over a preset's settings; copy them by "
            f"'gencl preset copy {named}' and edit the copy, or give --preset {named} with --set"
        )
