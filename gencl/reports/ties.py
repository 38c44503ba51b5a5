"""Mark the best and tied methods in a comparison's tables, and write out their paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from gencl.methods.serving import is_reference, references
from gencl.metrics.figures import REAL, figure, main_figures, shown
from gencl.reports.significance import LEVEL, Values, compared

TIED = "≈"
Results = Mapping[str, Any]


def competes(label: str) -> bool:
    """Return whether the row ``label`` can be the best: it is neither a reference, nor a variant of one, nor `REAL`."""
    name = label.partition(":")[0]
    return name != REAL and not is_reference(name)


def comparisons(methods: Mapping[str, Mapping[str, Any]], baseline: str | None) -> dict[str, dict[str, Any]]:
    """Return the comparisons in results.json: the result of `compared` for each figure.

    Figures are left out if neither way is better, or if fewer than two competing methods have them. ``methods`` are the
    rows of results.json.
    """
    by_figure = {}
    for key in dict.fromkeys(key for row in methods.values() for key in row):
        values: dict[str, Values] = {
            label: row[key]["values"] for label, row in methods.items() if isinstance(row.get(key), dict)
        }
        competing = [label for label in values if competes(label)]
        way = figure(key).better
        if way is not None and len(competing) > 1:
            by_figure[key] = compared(values, way, competing, baseline)
    return by_figure


def mark(results: Results, key: str, label: str) -> Literal["best", "tied", ""]:
    """Return the mark of a method in a figure: ``best``, ``tied`` or none.

    ``best`` marks a method that is significantly better than every other. If the best has ties, it and all methods
    tied with it are marked ``tied``.
    """
    comparison = results.get("comparisons", {}).get(key)
    if comparison is None or label not in (comparison["best"], *comparison["to_best"]):
        return ""
    ties = [row["tied"] for row in comparison["to_best"].values()]
    if label == comparison["best"]:
        return "tied" if True in ties else "" if None in ties else "best"
    return "tied" if comparison["to_best"][label]["tied"] else ""


def legend(results: Results) -> list[str]:
    """Return lines that explain the marks, or why nothing is marked; none for fewer than two competing methods."""
    if len([label for label in results["methods"] if competes(label)]) < 2:
        return []
    if len(results["seeds"]) < 2:
        return ["Nothing is bold: one seed does not tell how much a result varies; compare with --seeds 0-4."]
    if "comparisons" not in results:
        return ["Nothing is bold: results.json holds no values of single seeds; gencl compare writes it again."]
    if not results["comparisons"]:
        return ["Nothing is bold: no figure is there of two methods."]
    bounds = ", ".join([*references(), REAL])
    lines = [
        f"Bold: better than every other method (paired t test over seeds, Holm's correction, p < {LEVEL}). "
        f"{TIED}: the best, and methods that the test does not tell from it. References ({bounds}) do "
        "not compete."
    ]
    pairs = {row["n"] for comparison in results["comparisons"].values() for row in comparison["to_best"].values()}
    if min(pairs) < 2:
        lines.append("Methods with fewer than two seeds in common are not tested, and beside them nothing is bold.")
    fewest = min((n for n in pairs if n > 1), default=6)
    if fewest < 6:
        lines.append(
            f"Wilcoxon's test is shown beside; with {fewest} seeds its p cannot be below {2 / 2**fewest:g}, so it "
            "decides nothing."
        )
    return lines


def shown_differences(results: Results) -> list[str]:
    """Return the main figures whose paired differences are shown; none for a single seed."""
    return [key for key in main_figures() if key in results.get("comparisons", {})] if len(results["seeds"]) > 1 else []


def difference_heads(results: Results) -> list[str]:
    """Return the column heads for `difference_rows`."""
    tests = ["p (t)", "p (Wilcoxon)"]
    to_baseline = [f"minus {results['baseline']}", *tests] if results.get("baseline") else []
    return ["method", "mean", "95 % interval", "minus the best", *tests, *to_baseline]


def difference_rows(results: Results, key: str) -> list[list[str]]:
    """Return one row per method: its mean with the 95 % interval, and its differences from the best and the baseline.

    The differences are paired by seed, and come with their intervals and corrected p values.
    """
    comparison, rows = results["comparisons"][key], []
    for label, row in results["methods"].items():
        if not isinstance(row.get(key), dict):
            continue
        cells = [label, shown(key, row[key]["mean"]), _interval(key, row[key].get("ci95"))]
        cells += ["best", "", ""] if label == comparison["best"] else _difference(key, comparison["to_best"].get(label))
        if results.get("baseline"):
            cells += _difference(key, comparison.get("to_baseline", {}).get(label))
        rows.append(cells)
    return rows


def _interval(key: str, interval: Sequence[float] | None) -> str:
    return "" if interval is None else f"{shown(key, interval[0])} to {shown(key, interval[1])}"


def _difference(key: str, row: Mapping[str, Any] | None) -> list[str]:
    if row is None or row["mean"] is None:
        return ["", "", ""]
    interval = f" ({_interval(key, row['ci95'])})" if row["ci95"] else ""
    sign = "+" if row["mean"] > 0 else ""
    return [f"{sign}{shown(key, row['mean'])}{interval}", *(_p(row[f"{test}_holm"]) for test in ("t_p", "wilcoxon_p"))]


def _p(value: float | None) -> str:
    return "" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"
