"""What metrics return, as plain numbers: other people's write NumPy's, PyTorch's, and NaN where nothing is defined."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from numbers import Real
from typing import Any

from gencl.core.errors import GenclError
from gencl.core.progress import Mode
from gencl.core.waiting import say


def number(value: Any, metric: str, where: str, progress: Mode = "auto") -> float | None:
    """Return a figure as files hold it; None where it is not defined: a NaN or an infinity, which a line tells.

    Raises GenclError naming the metric where the value is no number.
    """
    plain = value
    if hasattr(value, "item"):  # of NumPy and PyTorch
        with suppress(ValueError, RuntimeError):  # it has several values
            plain = value.item()
    if plain is None:
        return None
    if not isinstance(plain, Real):
        what = f"{type(value).__name__} {value!r}"[:80]
        raise GenclError(f"metric {metric} gave {what} {where}; it must return a number, or None where there is none")
    if not math.isfinite(plain):
        say(f"metric {metric} gave {plain} {where}: it counts as not defined there", progress)
        return None
    return value if type(value) in (int, float) else float(plain)  # whole numbers stay whole


def figures(values: Any, metric: str, progress: Mode = "auto") -> dict[str, float]:
    """Return the figures of a summary that are defined. Raises GenclError as `number`, and where it is no mapping."""
    if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
        raise GenclError(f"metric {metric} gave {values!r:.80} as a summary; it must return figures by their names")
    found = {name: number(value, metric, f"as {name}", progress) for name, value in values.items()}
    return {name: value for name, value in found.items() if value is not None}
