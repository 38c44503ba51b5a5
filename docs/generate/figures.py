"""Rows of the committed tables of ``results/``, as they stand there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gencl.registry import parts_of

RESULTS = Path(__file__).parents[2] / "results"
GENERATORS = ("FID of the first half", "FID", "FID just learned", "FID forgetting", "conditional accuracy %")
CLASSIFIERS = ("acc %", "bwt %", "fwt %")
SHOWN = {
    "mnist-cgan": GENERATORS,
    "split-mnist-cgan": GENERATORS,
    "fashion-cgan": GENERATORS,
    "mnist-cgan-800": GENERATORS,
    "split-mnist": CLASSIFIERS,
    "permuted-mnist": CLASSIFIERS,
}
"""The tables that a method's page shows its rows of, and their columns."""
_COST = ("method state MB",)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def read(name: str) -> tuple[str, list[str], list[list[str]]]:
    """The command, the columns, and the rows of ``results/NAME/results.md``."""
    lines = (RESULTS / name / "results.md").read_text(encoding="utf-8").splitlines()
    command = next(line.strip("`") for line in lines if line.startswith("`gencl"))
    header, _, *rows = [_cells(line) for line in lines if line.startswith("|")]
    return command, header, rows


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], wanted: Sequence[str]) -> str:
    places = [header.index(column) for column in wanted if column in header]
    head = ["method", "seeds", *(header[place] for place in places)]
    lines = [head, ["---", "---:", *["---:"] * len(places)]]
    lines += [[row[0], row[1], *(row[place] if place < len(row) else "" for place in places)] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rows(rows: Sequence[list[str]], wanted: Sequence[str]) -> list[list[str]]:
    """Rows of these methods, variants and compositions of them, each with the published figures that follow it."""
    found, kept = [], False
    for row in rows:
        if row[0] != "*published*":
            kept = any(name == row[0] or name in parts_of(row[0].partition(":")[0]) for name in wanted)
        if kept:
            found.append(row)
    return found


def excerpt(name: str, methods: str, columns: str = "") -> str:
    """Some rows (comma-separated methods) and columns of ``results/NAME``, with the command beneath."""
    command, header, rows = read(name)
    some = [column.strip() for column in columns.split(",")] if columns else SHOWN[name]
    body = _table(header, _rows(rows, [method.strip() for method in methods.split(",")]), some)
    return f"{body}\n\n{_source(name, command)}"


def _source(name: str, command: str) -> str:
    return f"[results/{name}](/results/{name}/results.md): `{command}`\n"


def of_method(name: str) -> str:
    """All committed figures of a method beside the lower and upper end, table by table."""
    parts = []
    for folder, columns in SHOWN.items():
        if not (RESULTS / folder / "results.md").exists():
            continue  # measured some day
        command, header, rows = read(folder)
        own = _rows(rows, [name])
        if own:
            ends = _rows(rows, [end for end in ("joint", "sgd") if end != name])
            ends = [row for row in ends if row not in own and row[0] in ("joint", "sgd")]
            parts.append(f"{_table(header, own + ends, [*columns, *_COST])}\n\n{_source(folder, command)}")
    return "\n\n".join(parts)


def best(name: str, folder: str, column: str) -> str:
    """One figure of a method's plain row, or nothing."""
    _, header, rows = read(folder)
    return next((row[header.index(column)] for row in rows if row[0] == name), "")
