"""The table of a run, on a narrow terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from gencl.reports.tables import run_table


@pytest.mark.parametrize(
    ("features", "name"), [("digits", "(digits)"), ("inception", "FID"), ("imagenet-lite0", "Lite0)")]
)
def test_four_measures_of_a_run_fit_into_80_columns(features: str, name: str) -> None:
    """Heads and figures whole, a task's values of both times in one line."""
    names = ("conditional_accuracy", "fid", "kid", "reconstruction")
    values = dict(zip(names, ([0.31, 1.0], [2345.6, 43.2], [98765.0, 1234.0], [0.1231, 0.0123]), strict=True))
    matrices = {name: [[first, None], [last, first]] for name, (first, last) in values.items()}
    table = run_table(
        {"tasks": ["0", "1"], "matrices": matrices, "floor": {"fid": 14.4}, "features": {"name": features}}
    )
    out = io.StringIO()
    Console(file=out, width=80).print(table)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80 and "…" not in out.getvalue()
    (row,) = (line for line in lines if line.startswith("│ 0 "))
    cells = [" ".join(cell.split()) for cell in row.strip("│").split("│")][1:]
    assert cells == ["31.0 → 100.0", "2345.6 → 43.2", "98765 → 1234", "0.123 → 0.0123"]
    assert all(word in out.getvalue() for word in ("conditional", "accuracy %", name, "KID", "squared", "error"))
