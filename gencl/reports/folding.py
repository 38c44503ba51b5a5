"""Split tables that are wider than the terminal into parts, since rich would cut numbers off."""

from __future__ import annotations

from itertools import takewhile

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Column, Table

_WIDEST = 10_000
"""A width, in characters, at which every table fits."""


def folded(table: Table, console: Console) -> list[Table]:
    """Return the table as it is if it fits, else in parts to be printed one below another.

    Each part repeats the leading columns of names and has as many other columns as fit. Column heads are wrapped, but
    numbers stay whole.
    """
    if (
        len(table.columns) < 2
        or Measurement.get(console, console.options.update(width=_WIDEST), table).maximum <= console.width
    ):
        return [table]
    named = list(takewhile(lambda column: column.justify == "left", table.columns[:-1])) or table.columns[:1]
    groups: list[list[Column]] = []
    for column in table.columns[len(named) :]:
        if groups and _width([*named, *groups[-1], column]) <= console.width:
            groups[-1].append(column)
        else:
            groups.append([column])
    return [_part(table, named, group, first=number == 0) for number, group in enumerate(groups)]


def _part(table: Table, named: list[Column], group: list[Column], first: bool) -> Table:
    part = Table(title=table.title if first else None, title_justify=table.title_justify)
    for column in named:
        part.add_column(column.header, vertical=column.vertical)
    for column in group:
        width = None if column.justify == "left" else _least(column)
        part.add_column(
            column.header, justify=column.justify, vertical=column.vertical, width=width, min_width=_least(column)
        )
    for row, cells in zip(table.rows, zip(*(column.cells for column in [*named, *group]), strict=True), strict=True):
        part.add_row(*cells, style=row.style, end_section=row.end_section)
    return part


def _width(columns: list[Column]) -> int:
    """Return the least width of a table, in characters, with borders and a space on both sides of each cell."""
    return 1 + sum(_least(column) + 3 for column in columns)


def _least(column: Column) -> int:
    """Return the least width of a column, in characters.

    Cells of numbers are not wrapped; names and heads are wrapped between words.
    """
    lines = _plain(column.header).split()
    for cell in column.cells:
        lines += _plain(cell).split() if column.justify == "left" else _plain(cell).splitlines()
    return max(map(cell_len, lines), default=1)


def _plain(cell: RenderableType) -> str:
    return str(getattr(cell, "plain", cell))
