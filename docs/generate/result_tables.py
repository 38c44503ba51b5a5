"""Tables of what ``results/`` holds: chosen rows and columns, a method's rows, the list of all folders."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from typing import Any

import figures
import yaml

from gencl.core.registry import parts_of
from gencl.metrics.figures import cell, figure, heading

GENERATORS = ("fid_first_half", "fid", "fid_just_learned", "fid_forgetting", "conditional_accuracy")
CLASSIFIERS = ("acc", "bwt", "fwt")
SHOWN = {
    "mnist-cgan": GENERATORS,
    "split-mnist-cgan-full": GENERATORS,
    "fashion-cgan": GENERATORS,
    "split-mnist": CLASSIFIERS,
    "permuted-mnist": CLASSIFIERS,
    "split-mnist-class": CLASSIFIERS,
}
"""The folders that a method's page shows its rows of, and their columns."""


def table(folder: str, methods: Sequence[str] = (), columns: Sequence[str] = (), page: str = "") -> str:
    """Return the table of some rows and columns, and a line that says of which seeds and files it is.

    No rows: all of them, the best first. ``page`` is the path in the repository of where it stands, for links.
    """
    columns = columns or figures.pick(SHOWN, folder, "name the columns: there are none by default for")
    rows = [method if "/" in method else f"{folder}/{method}" for method in methods] or _ranked(folder, columns[0])
    folders = list(dict.fromkeys(row.rpartition("/")[0] for row in rows))
    several, keys = len(folders) > 1, _keys(rows)
    for column in columns:
        if column not in keys:
            raise figures.Missing(f"results/{folder}: none of the rows has {column!r}")
    lines = [["method", *["results"] * several, *(_heading(column, _features(folders)) for column in columns)]]
    lines += [["---", *["---"] * several, *["---:"] * len(columns)]]
    for row in rows:
        lines.append([_label(row), *[row.rpartition("/")[0]] * several, *(_cell(row, column) for column in columns)])
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{body}\n\n{_caption(folders, rows, columns, page)}"


def _ranked(folder: str, key: str) -> list[str]:
    """Return all rows of a folder, the best mean first, rows without this figure last."""
    sign = -1 if figure(key).better == "higher" else 1
    methods = figures.read(folder)["methods"]
    place = {method: sign * row[key]["mean"] if key in row else float("inf") for method, row in methods.items()}
    return [f"{folder}/{method}" for method in sorted(place, key=lambda method: place[method])]


def _keys(rows: Sequence[str]) -> set[str]:
    keys = {key for row in rows for key in figures.row(row)}
    return keys | {f"published {key}" for row in rows for key in _published(row)}


def _published(row: str) -> dict[str, Any]:
    folder, _, method = row.rpartition("/")
    paper: dict[str, Any] = figures.read(folder).get("paper", {}).get(method, {})
    return paper


def _heading(column: str, features: dict[str, Any]) -> str:
    published, _, key = column.rpartition(" ")
    return f"{heading(key)}, published" if published else heading(key, features)


def _features(folders: Sequence[str]) -> dict[str, Any]:
    """Return what the folders' distances are measured in; nothing where they differ."""
    found = [figures.read(folder).get("features", {}) for folder in folders]
    return found[0] if len({one.get("name") for one in found}) == 1 else {}


def _label(row: str) -> str:
    folder, _, method = row.rpartition("/")
    counts = [figure["n"] for figure in figures.row(row).values() if isinstance(figure, dict) and "n" in figure]
    n, seeds = max(counts, default=0), len(figures.read(folder)["seeds"])
    return f"`{method}`{f' (n = {n})' if n < seeds else ''}"


def _cell(row: str, column: str) -> str:
    published, _, key = column.rpartition(" ")
    if published:
        paper = _published(row)
        return cell(key, {"mean": paper[key], "std": paper.get(f"{key}_std")}) if key in paper else ""
    return cell(key, figures.row(row).get(key))


def _caption(folders: Sequence[str], rows: Sequence[str], columns: Sequence[str], page: str) -> str:
    seeds = {tuple(figures.read(folder)["seeds"]) for folder in folders}
    many = any(len(some) > 1 for some in seeds)
    of = " and ".join(seed_range(some) for some in sorted(seeds, key=len, reverse=True))
    first = f"Mean ± standard deviation over seeds {of}." if many else f"One seed ({of})."
    sources = dict.fromkeys(_published(row)["source"] for row in rows if "source" in _published(row))
    published = f" Published: {', '.join(sources)}." if any(" " in column for column in columns) and sources else ""
    links = ", ".join(f"[{folder}]({_link(folder, page)})" for folder in folders)
    return f"*{first}{published}\nAll columns and the command: {links}.*"


def _link(folder: str, page: str) -> str:
    """Return the way from a page to a folder's table."""
    return posixpath.relpath(f"results/{folder}/results.md", posixpath.dirname(page) or ".")


def seed_range(seeds: Sequence[int]) -> str:
    """Return ``0-4`` for 0, 1, 2, 3, 4, otherwise a list."""
    row = list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))) and len(seeds) > 2
    return f"{seeds[0]}-{seeds[-1]}" if row else ", ".join(map(str, seeds))


def of_method(name: str, page: str) -> str:
    """Return a method's rows beside the upper and the lower end, a table per folder; as `table` takes the page."""
    parts = []
    for folder, columns in SHOWN.items():
        methods = figures.read(folder)["methods"]
        of_name = [method for method in methods if name in parts_of(method.partition(":")[0])]
        if of_name:
            ends = [end for end in ("joint", "sgd") if end in methods and end not in of_name]
            keys = _keys([f"{folder}/{method}" for method in of_name])
            papers = [f"published {key}" for key in columns if f"published {key}" in keys]
            parts.append(table(folder, [*of_name, *ends], [*columns, *papers, "method_state_bytes"], page))
    return "\n\n".join(parts)


def index(page: str) -> str:
    """Return the list of all folders: their command without its methods, seeds, and what is written of them."""
    about = yaml.safe_load((figures.RESULTS / "index.yaml").read_text(encoding="utf-8"))
    folders = {path.parent.relative_to(figures.RESULTS).as_posix() for path in figures.RESULTS.glob("**/*.*")} - {"."}
    if folders != set(about):
        raise figures.Missing(f"results/index.yaml and the folders differ in {sorted(folders ^ set(about))}")
    lines = ["| folder | command | seeds | what it shows | caveats |", "| --- | --- | --- | --- | --- |"]
    for folder, text in about.items():
        command, seeds = text.get("command") or _command(folder), text.get("seeds")
        seeds = _seeds(folder) if seeds is None else seeds
        start = posixpath.relpath(f"results/{folder}/{_main_file(folder)}", posixpath.dirname(page))
        lines.append(f"| [{folder}]({start}) | `{command}` | {seeds} | {text['shows']} | {text.get('caveats', '')} |")
    return "\n".join(" ".join(line.split()) for line in lines)


def _main_file(folder: str) -> str:
    names = [path.name for path in sorted((figures.RESULTS / folder).iterdir()) if path.is_file()]
    return next((name for name in ("results.md", "tune.md") if name in names), names[0])


def _command(folder: str) -> str:
    """Return the command that a table begins with, an ellipsis for its methods."""
    text = (figures.RESULTS / folder / _main_file(folder)).read_text(encoding="utf-8")
    typed = next(line.strip("`") for line in text.splitlines() if line.startswith("`gencl"))
    typed = re.sub(r" --(seeds|jobs|out|threads|data-root) \S+", "", typed)
    return re.sub(r" --methods \S+", "", typed) + " …"


def _seeds(folder: str) -> str:
    name = "results.json" if _main_file(folder) == "results.md" else "tune.json"
    return seed_range(figures.read(folder, name)["seeds"])
