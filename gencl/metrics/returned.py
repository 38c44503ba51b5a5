"""Makes plain numbers of what metrics return: plug-ins may give NumPy's or PyTorch's, or NaN for undefined values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from numbers import Real
from typing import Any

from gencl.core.errors import GenclError
from gencl.core.progress import Mode
from gencl.core.returned import returned, shown
from gencl.core.waiting import say


def reason(value: Any, metric: str, hook: str) -> str:
    """Return why a metric cannot be measured, checked to be a text."""
    wanted = 'a text: why it cannot be measured here, or "" if it can'
    return str(returned(value, lambda given: isinstance(given, str), f"metric {metric}: {hook}", wanted))


def number(value: Any, metric: str, where: str, progress: Mode = "auto") -> float | None:
    """Return a metric's value as a plain number for JSON, or None if it is undefined.

    A NaN or an infinity counts as undefined, and a message says so. Raises GenclError naming the metric if the value is
    not a number.
    """
    plain = value
    if hasattr(value, "item"):  # a NumPy or PyTorch number
        with suppress(ValueError, RuntimeError):  # several values, refused below
            plain = value.item()
    if plain is None:
        return None
    if not isinstance(plain, Real):
        raise GenclError(
            f"metric {metric} gave {shown(value)} {where}; it must return a number, or None where there is none"
        )
    if not math.isfinite(plain):
        say(f"metric {metric} gave {plain} {where}: it counts as not defined there", progress)
        return None
    return value if type(value) in (int, float) else float(plain)  # whole numbers stay whole


def figures(values: Any, metric: str, progress: Mode = "auto") -> dict[str, float]:
    """Return the defined figures of a summary. Raises GenclError if it is not a mapping, and as `number` does."""
    if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
        raise GenclError(f"metric {metric} gave {shown(values)} as a summary; it must return figures by their names")
    found = {name: number(value, metric, f"as {name}", progress) for name, value in values.items()}
    return {name: value for name, value in found.items() if value is not None}
