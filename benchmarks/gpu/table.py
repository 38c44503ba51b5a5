"""Rows of measurements, written as they are made: what is cut off keeps what it had."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gencl.core import files

HEAD = ("measured", "of", "how", "value", "unit", "share", "peak MB", "note")


@dataclass(frozen=True)
class Row:
    """One measurement.

    Args:
        share: of the bare loop's, or of what else the ``note`` says.
        peak: the most memory in use on the device, in bytes.
        note: why there is no value, or what the share is of.
    """

    measured: str
    of: str
    how: str
    value: float | None = None
    unit: str = ""
    share: float | None = None
    peak: int | None = None
    note: str = ""

    def cells(self) -> list[str]:
        value = "–" if self.value is None else f"{self.value:,.3g}" if self.value < 100 else f"{self.value:,.0f}"
        share = "" if self.share is None else f"{self.share:.2f}"
        peak = "" if self.peak is None else f"{self.peak / 1e6:.0f}"
        return [self.measured, self.of, self.how, value, self.unit, share, peak, self.note.replace("|", "/")]


class Table:
    """Rows so far; each that is added goes into both files at once.

    Args:
        out: a Markdown file; a JSON file of the same name lies beside it.
        about: lines before the table: the command, the device, versions, the commit.
    """

    def __init__(self, out: Path | None, about: Sequence[str]) -> None:
        self._out, self._about = out, list(about)
        self.rows: list[Row] = []

    def add(self, row: Row) -> None:
        self.rows.append(row)
        if self._out is not None:
            files.write(self._out, self.markdown())
            tree = {"about": self._about, "rows": [asdict(row) for row in self.rows]}
            files.write(self._out.with_suffix(".json"), json.dumps(tree, indent=1) + "\n")

    def value(self, measured: str, of: str, how: str) -> float | None:
        """The value of a row, where there is one."""
        values = (row.value for row in self.rows if (row.measured, row.of, row.how) == (measured, of, how))
        return next(values, None)

    def markdown(self) -> str:
        lines = ["# A GPU", "", *(f"- {line}" for line in self._about), ""]
        lines += [f"| {' | '.join(HEAD)} |", "| --- | --- | --- | ---: | --- | ---: | ---: | --- |"]
        return "\n".join([*lines, *(f"| {' | '.join(row.cells())} |" for row in self.rows)]) + "\n"
