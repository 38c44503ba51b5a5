"""What ``results/`` holds, and which of its differences are larger than their spread.

A row is named ``FOLDER/METHOD``, as in ``split-mnist/xdg+si`` or ``mnist-cgan-search/samples/joint``.
"""

from __future__ import annotations

import json
from difflib import get_close_matches
from math import sqrt
from pathlib import Path
from typing import Any

from scipy import stats

from gencl.metrics.figures import figure as declared
from gencl.metrics.figures import is_share
from gencl.reports.significance import difference

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"


class Missing(LookupError):
    """A folder, row or figure that ``results/`` does not have."""

    def __str__(self) -> str:
        return str(self.args[0])


def read(folder: str, name: str = "results.json") -> dict[str, Any]:
    """Return the content of ``results/FOLDER/NAME``, a JSON file."""
    path = RESULTS / folder / name
    if not path.is_file():
        raise Missing(f"no file results/{folder}/{name}")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def row(name: str) -> dict[str, Any]:
    """Return every figure of the row ``FOLDER/METHOD``."""
    folder, _, method = name.rpartition("/")
    figures: dict[str, Any] = pick(read(folder)["methods"], method, f"results/{folder}/results.json has no row")
    return figures


def pick(choices: dict[str, Any], name: str, message: str) -> Any:
    """Return ``choices[name]``, or raise `Missing` with the message and the nearest name."""
    if name not in choices:
        near = get_close_matches(name, choices, 1)
        raise Missing(f"{message} {name!r}{f': do you mean {near[0]!r}?' if near else ''}")
    return choices[name]


def figure(name: str, key: str) -> dict[str, Any]:
    """Return ``{"mean", "std", "n", ...}`` of one figure of a row."""
    value: dict[str, Any] = pick(row(name), key, f"results: the row {name} has no figure")
    return value


def value(name: str, key: str) -> float:
    """Return the mean of a figure in the unit of the tables: shares in per cent, everything else as it is."""
    mean: float = figure(name, key)["mean"]
    return 100 * mean if is_share(key) else mean


def interval(one: str, other: str, key: str) -> tuple[float, float] | None:
    """Return the 95 % interval of the mean difference ``one - other``; None where either row has a single seed.

    Paired over the common seeds where both rows are of one comparison and list a value per seed, else Welch's.
    """
    a, b = figure(one, key), figure(other, key)
    if one.rpartition("/")[0] == other.rpartition("/")[0] and "values" in a and "values" in b:
        paired = difference(a["values"], b["values"])["ci95"]
        if paired is not None:
            return paired[0], paired[1]
    if a["std"] is None or b["std"] is None:
        return None
    parts = [a["std"] ** 2 / a["n"], b["std"] ** 2 / b["n"]]
    error = sqrt(sum(parts))
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (a["n"] - 1) + parts[1] ** 2 / (b["n"] - 1)) if error else 1.0
    mean, half = a["mean"] - b["mean"], float(stats.t.ppf(0.975, freedom)) * error
    return mean - half, mean + half


def better(one: str, other: str, key: str) -> bool | None:
    """Whether ``one`` is better (True) or worse (False) than ``other`` beyond the 95 % interval; None for a tie."""
    ends = interval(one, other, key)
    if ends is None or ends[0] <= 0 <= ends[1]:
        return None
    return (ends[0] > 0) == (declared(key).better == "higher")
