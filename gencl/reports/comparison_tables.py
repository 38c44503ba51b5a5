"""The table of a comparison: on the terminal, as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from gencl.metrics.figures import REAL, added_figures, cell, heading
from gencl.reports import ties
from gencl.reports.tables import column_head, show

QUALITY = (
    "fid_first_half",
    "fid",
    "fid_by_class",
    "fid_just_learned",
    "fid_forgetting",
    "conditional_accuracy",
    "conditional_accuracy_by_class",
    "reconstruction",
    "reconstruction_just_learned",
    "reconstruction_forgetting",
    "acc",
    "aaa",
    "bwt",
    "fwt",
    "fwt_zero_shot",
    "forgetting",
    "smt",
    "normalised_return",
    "normalised_return_just_learned",
    "normalised_return_forgetting",
    "return",
    "return_just_learned",
    "train_seconds",
)
DETAIL = ("kid", "kid_forgetting", "precision", "recall", "drift")
COST = (
    "importance_seconds",
    "cpu_seconds",
    "samples_forward",
    "samples_backward",
    "shared",
    "per_task",
    "method_state_bytes",
    "peak_memory_bytes",
)


def comparison_keys(results: dict[str, Any], order: Sequence[str]) -> list[str]:
    """Return the figures of ``order`` that any method has.

    Each is followed by the same figure in the features of further extractors, such as ``fid_fashion``.
    """
    present = {key for row in results["methods"].values() for key in row}
    further = [extractor["name"] for extractor in results.get("features", {}).get("also", ())]
    wanted = [name for key in order for name in (key, *(f"{key}_{extractor}" for extractor in further))]
    return [key for key in wanted if key in present]


def runs_of(row: Mapping[str, Any]) -> int:
    """Return how many finished runs a method's row summarises."""
    return max((value["n"] for value in row.values() if isinstance(value, dict)), default=0)


def cell_of(row: Mapping[str, Any], key: str) -> str:
    """Return a figure of a row as text, with its n if only some of the row's runs have it."""
    value: dict[str, Any] | None = row.get(key)
    few = f" (n={value['n']})" if value is not None and value["n"] < runs_of(row) else ""
    return f"{cell(key, value)}{few}"


def print_comparison(results: dict[str, Any]) -> None:
    """Print the table and the lines below it."""
    show(comparison_table(results), *comparison_lines(results), width=200)


def comparison_lines(results: dict[str, Any]) -> list[str]:
    """Return the lines below the table: what its marks mean, `notes`, and failures."""
    failed = [f"{name}: {row['error']}" for name, row in results["methods"].items() if row["status"] == "failed"]
    return [*ties.legend(results), *notes(results), *failed]


def comparison_table(results: dict[str, Any]) -> Table:
    """Return the table for the terminal: a row per method and a column per figure, with mean ± std over the seeds.

    Published figures, if any, are in a second row below the method.
    """
    seeds = results["seeds"]
    keys = comparison_keys(results, [*QUALITY, *added_figures()])
    table = Table(
        title=Text(f"{results['preset']}, {len(seeds)} seed{'s' * (len(seeds) > 1)}: mean ± std"), title_justify="left"
    )
    table.add_column("method")
    for key in keys:
        table.add_column(column_head(key, results.get("features")), justify="right")
    for name, row in results["methods"].items():
        label = name if runs_of(row) in (0, len(seeds)) or name == REAL else f"{name} (n={runs_of(row)})"
        table.add_row(Text(label), *(_styled(results, key, name, cell_of(row, key)) for key in keys))
        paper = results["paper"].get(name)
        if paper:
            table.add_row("  published", *published_cells(paper, keys), style="dim")
    return table


def _styled(results: dict[str, Any], key: str, method: str, text: str) -> Text:
    """Return a cell for the terminal: bold if it is the best, or with the mark of a tie."""
    mark = ties.mark(results, key, method)
    return Text(f"{text} {ties.TIED}" if mark == "tied" else text, style="bold" if mark == "best" else "")


def comparison_markdown(results: dict[str, Any], command: str) -> str:
    """Return the comparison as Markdown, with the command that made it and the paired differences."""
    keys = comparison_keys(results, [*QUALITY, *DETAIL, *added_figures(), *COST])
    lines = [
        f"# {results['preset']}, seeds {', '.join(map(str, results['seeds']))}: mean ± sample standard deviation",
        "",
        f"`{command}`",
        "",
        "| method | n | " + " | ".join(heading(key, results.get("features")) for key in keys) + " |",
        "| --- | --- |" + " ---: |" * len(keys),
    ]
    for name, row in results["methods"].items():
        cells = (_marked(results, key, name, cell_of(row, key)) for key in keys)
        lines.append(f"| {name} | {runs_of(row)} | " + " | ".join(cells) + " |")
        paper = results["paper"].get(name)
        if paper:
            lines.append("| *published* | | " + " | ".join(published_cells(paper, keys)) + " |")
    lines += [f"\n{line}" for line in comparison_lines(results)]
    for key in ties.shown_differences(results):
        heads, rows = ties.difference_heads(results), ties.difference_rows(results, key)
        lines += ["", f"## {heading(key, results.get('features'))}: intervals and paired differences", ""]
        lines += [f"| {' | '.join(line)} |" for line in [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]]
    return "\n".join(lines) + "\n"


def _marked(results: dict[str, Any], key: str, method: str, text: str) -> str:
    """Return a cell as Markdown: bold if it is the best, or with the mark of a tie."""
    mark = ties.mark(results, key, method)
    return f"**{text}**" if mark == "best" else f"{text} {ties.TIED}" if mark == "tied" else text


def comparison_csv(results: dict[str, Any]) -> str:
    """Return all figures as CSV: one row per method and key, with mean, std, n and the published value.

    Shares are written as fractions, not in per cent.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["method", "key", "mean", "std", "n", "published"])
    for name, row in results["methods"].items():
        paper = results["paper"].get(name, {})
        for key, value in row.items():
            if isinstance(value, dict):
                writer.writerow([name, key, value["mean"], value["std"], value["n"], paper.get(key)])
    return text.getvalue()


def published_cells(paper: dict[str, Any], keys: Sequence[str]) -> list[str]:
    """Return a paper's figures as texts, with their spread if it is published. A missing figure is an empty text."""
    return [cell(key, {"mean": paper[key], "std": paper.get(f"{key}_std")}) if key in paper else "" for key in keys]


def notes(results: dict[str, Any]) -> list[str]:
    """Return lines about networks that methods do not share, and about published figures."""
    return [*_unlike_networks(results), *_published(results)]


def _unlike_networks(results: dict[str, Any]) -> list[str]:
    lines = []
    for setting, values in results.get("networks", {}).items():
        (most, _), *others = values.items()
        few = ", ".join(f"{value} for {', '.join(labels)}" for value, labels in others)
        lines.append(f"networks differ: {setting} is {few}, and {most} for the others")
    return lines


def _published(results: dict[str, Any]) -> list[str]:
    """Return a line with the sources of the published figures, and a line for each note about them."""
    rows = results["paper"].values()
    sources = dict.fromkeys(row["source"] for row in rows)
    notes = dict.fromkeys(f"{row['source']}: {row['note']}" for row in rows if "note" in row)
    return [f"published: {', '.join(sources)}", *notes] if sources else []
