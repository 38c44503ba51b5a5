"""Tables of a hyper-parameter search: one per method, with the best candidate marked."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from gencl.metrics.figures import heading, is_share
from gencl.reports.tables import show


def why_at_end(reason: str, widen: int) -> str:
    """Return in words why a best value is still at an end of its grid (`gencl.experiments.search.Search.edge`).

    ``widen`` is the number of rounds of widening that the search could have.
    """
    if reason == "bound":
        return "the setting's own limit"
    return "the rounds of widening ran out" if widen else "widening is off"


def print_search(search: dict[str, Any]) -> None:
    """Print one table per method on the terminal, with notes below it. ``search`` is the content of tune.json."""
    for name, row in search["methods"].items():
        table = Table(title=Text(f"{name}: {_what(search)}"), title_justify="left")
        keys = list(row["grid"])
        for key in keys:
            table.add_column(Text(key))  # left-justified, so that a folded table repeats them like names
        table.add_column(_heading(search), justify="right")
        table.add_column("")
        for tried in row["search"]:
            values = [Text(_value(tried["settings"][key])) for key in keys]
            best = tried["settings"] == row["best"]
            table.add_row(*values, _score(search, tried), _remark(tried, best), style="bold" if best else None)
        show(table, *_notes(search, name), width=160)


def search_markdown(search: dict[str, Any], command: str) -> str:
    """Return the tables as Markdown, with the command that made them and the rule of the choice."""
    lines = [f"# {search['preset']}: {_what(search)}", "", f"`{command}`", ""]
    lines += [f"The rule, the same for every method: {how_chosen(search)}.", ""]
    for name, row in search["methods"].items():
        keys = list(row["grid"])
        lines += [f"## {name}", "", "| " + " | ".join([*keys, _heading(search), ""]) + " |"]
        lines += ["|" + " ---: |" * (len(keys) + 1) + " --- |"]
        for tried in row["search"]:
            best = tried["settings"] == row["best"]
            cells = [*(_value(tried["settings"][key]) for key in keys), _score(search, tried)]
            cells = [f"**{cell}**" for cell in cells] if best else cells
            lines.append("| " + " | ".join([*cells, _remark(tried, best).replace("|", "\\|")]) + " |")
        lines += ["", *_notes(search, name), ""]
    return "\n".join(lines).rstrip() + "\n"


def how_chosen(search: dict[str, Any]) -> str:
    """Return one line that says how the search chose: seeds, metric, direction and limits."""
    seeds = f"seed{'s' * (len(search['seeds']) > 1)} {', '.join(map(str, search['seeds']))}"
    by = f"by the best mean {search['metric']} ({search['better']} is better)"
    if search["metric"] is None:
        by = "by no figure: no candidate has one"
    limits = f"at most {search['budget']} candidates per method and {search['widen']} rounds of widening"
    return f"chosen on validation images, {seeds}, {by}; {limits}"


def _what(search: dict[str, Any]) -> str:
    seeds = ", ".join(map(str, search["seeds"]))
    return f"chosen on validation images, seed{'s' * (len(search['seeds']) > 1)} {seeds}"


def _heading(search: dict[str, Any]) -> str:
    if search["metric"] is None:
        return "score"
    return f"{heading(search['metric'], search.get('features'))} ({search['better']} is better)"


def _score(search: dict[str, Any], tried: dict[str, Any]) -> str:
    if tried["score"] is None:
        return "-"
    if is_share(search["metric"]):  # two decimals, since candidates are often close together
        spread = "" if tried["std"] is None else f" ± {100 * tried['std']:.2f}"
        return f"{100 * tried['score']:.2f}{spread}"
    digits = 1 if abs(tried["score"]) >= 1 else 4
    spread = "" if tried["std"] is None else f" ± {tried['std']:.{digits}f}"
    return f"{tried['score']:.{digits}f}{spread}"


def _remark(tried: dict[str, Any], best: bool) -> str:
    words = ["best"] if best else [f"failed: {tried.get('error', '')}"] if tried["status"] == "failed" else []
    return ", ".join([*words, *([f"widened {tried['round']}"] if tried["round"] else [])])


def _value(value: Any) -> str:
    return "null" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _notes(search: dict[str, Any], name: str) -> list[str]:
    row = search["methods"][name]
    if row["best"] is None:
        return [f"{name}: nothing was chosen, every candidate failed: {row['error']}"]
    return [
        f"{name}: {key} = {_value(row['best'][key])} is at an end of its values: {why_at_end(why, search['widen'])}"
        + ("; --widen N allows more" if why == "limit" else "")
        for key, why in row["edge"].items()
    ]
