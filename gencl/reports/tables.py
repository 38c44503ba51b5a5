"""Print the results of runs and evaluations on the terminal: tables, and lines below them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from gencl.core.files import here
from gencl.core.terminal import console
from gencl.metrics.figures import REAL, REAL_IMAGES, extractor_title, heading, is_pooled, label, shown, with_unit
from gencl.reports.folding import folded
from gencl.scenarios.attribution import told

if TYPE_CHECKING:
    from gencl.runs.folder import RunFolder


def floor_lines(features: dict[str, Any], floor: dict[str, float]) -> list[str]:
    """Return a line about the pooled metrics and a line with the scores of real images, where there are any."""
    lines = []
    if pooled := [label(name, features) for name in features.get("pooled", ())]:
        most = f", with at most {features['pool']} generated images per class" if "pool" in features else ""
        lines.append(
            f"pooled ({', '.join(pooled)}): few images are held out, so each row compares its task and all earlier "
            f"ones together{most}; KID is per task"
        )
    if floor:
        figures = [f"{label(key, features)} {with_unit(key, value)}" for key, value in floor.items() if key != "n"]
        what = f"{REAL_IMAGES} ({floor['n']:.0f} training images per task instead of generated ones)"
        lines += [f"{what}: {', '.join(figures)}"] if figures else []
    return lines


def column_head(name: str, features: Mapping[str, Any] | None) -> str:
    """Return a figure's name as the head of a narrow column.

    The text in brackets starts a new line, and is broken after its hyphens.
    """
    text, bracket, inside = heading(name, features).partition(" (")
    return f"{text}\n(" + inside.replace("-", "-\n") if bracket else text


def show(*parts: Table | Text | str, width: int | None = None) -> None:
    """Print tables and lines of text on standard output.

    Tables that are too wide are folded, and the terminal wraps lines. If the output is not a terminal, it is ``width``
    characters wide, so that tables stay whole in files and logs.
    """
    out = console(errors=False)
    if not out.is_terminal:
        out = console(errors=False, width=width)
    for part in parts:
        for each in folded(part, out) if isinstance(part, Table) else [part]:
            out.print(each, markup=False, soft_wrap=not isinstance(each, Table))


def print_run(run: RunFolder) -> None:
    """Print a run: its scores per task, its summary, and the paths of its last sample grid and its report."""
    metrics = run.metrics
    title = run_title(metrics) + (": when a task was just learned → at the end" if metrics["matrices"] else "")
    table = [run_table(metrics)] if metrics["matrices"] else []
    paths = [("samples", path) for path in run.grids()[-1:]]
    places = [f"{what + ':':9}{here(path)}" for what, path in [*paths, ("report", run.path / "report.html")]]
    show(Text(title, style="italic"), *table, *run_lines(metrics), *places, width=120)  # wide enough for large numbers


def run_title(metrics: dict[str, Any]) -> str:
    """Return a title with the run's method, preset and seed."""
    return f"{metrics['method']} on {metrics['preset']}, seed {metrics['seed']}"


def run_lines(metrics: dict[str, Any]) -> list[str]:
    """Return the lines below a run's table: overall figures, scores of real images, cost, and pruned parameters."""
    lines, features = [], metrics.get("features", {})
    if not metrics["matrices"]:
        lines.append("no measure per task: no feature extractor was chosen, or none suits these images")
    lines += [f"boundaries: {told(metrics['boundaries'])}"] if metrics.get("boundaries") else []
    lines += _overall(metrics["summary"], features)
    lines += floor_lines(features, metrics.get("floor", {}))
    cost, parameters = metrics["cost"], metrics["parameters"]
    lines.append(
        f"cost: {cost['train_seconds']:.0f} s training, {cost['importance_seconds']:.1f} s importance, "
        f"{cost['eval_seconds']:.0f} s measuring, {cost['peak_memory_bytes'] / 2**30:.2f} GiB; "
        f"{parameters['shared']:,} shared parameters, {parameters['per_task']:,} per task{_passes(cost)}"
    )
    left, shared = parameters.get("shared_nonzero", 0), parameters["shared"]
    if 0 < left < 0.9 * shared:
        lines.append(f"pruned: {left:,} shared parameters are not zero, {shared / left:.1f} x fewer than there are")
    return lines


def _overall(summary: Mapping[str, float], features: Mapping[str, Any]) -> list[str]:
    """Return the overall figures: a line for each one that has others of its own, such as its forgetting, and a last
    one for the rest."""
    own: dict[str, list[str]] = {}
    for name in summary:
        of = next((first for first in own if name.startswith(f"{first}_")), name)
        own.setdefault(of, []).append(name)
    rest = [name for names in own.values() if len(names) == 1 for name in names]
    groups = [*(names for names in own.values() if len(names) > 1), *([rest] if rest else [])]
    lines = [
        ", ".join(f"{label(name, features)} {with_unit(name, summary[name])}" for name in names) for names in groups
    ]
    return [("overall: " if number == 0 else " " * 9) + line for number, line in enumerate(lines)]


def _passes(cost: dict[str, Any]) -> str:
    """Return how many samples went through a network, or an empty text if the run did not count them."""
    if not cost.get("samples_forward"):
        return ""
    return f"; {cost['samples_forward']:,} samples forward through a network, {cost['samples_backward']:,} backward"


def run_table(metrics: dict[str, Any]) -> Table:
    """Return a table with a row per task and a column per metric: the score right after learning → at the end.

    Four metrics fit into 80 characters. If the score of real images was measured, it is in a last row.
    """
    table, floor = Table("task"), metrics.get("floor", {})
    columns: list[list[Text | str]] = [[Text(task) for task in metrics["tasks"]]]
    for name, matrix in metrics["matrices"].items():
        head = column_head(name, metrics.get("features"))
        table.add_column(head if "\n" in head else head.replace(" ", "\n", 1), justify="right", vertical="bottom")
        before, after = ([shown(name, value) for value in values] for values in (_diagonal(matrix), matrix[-1]))
        width = max(map(len, after))
        columns.append([f"{one} → {other:>{width}}" for one, other in zip(before, after, strict=True)])
    for row in zip(*columns, strict=True):
        table.add_row(*row)
    if floor:
        table.add_section()
        table.add_row(REAL, *(shown(name, floor.get(name)) for name in metrics["matrices"]))
    return table


def _diagonal(matrix: list[list[float | None]]) -> list[float | None]:
    return [row[j] for j, row in enumerate(matrix)]


def print_evaluation(result: dict[str, Any]) -> None:
    """Print the table of an evaluation and the lines below it."""
    show(evaluation_table(result), *evaluation_lines(result), width=200)


def evaluation_lines(result: dict[str, Any]) -> list[str]:
    """Return the lines below an evaluation's table: scores over all tasks, what is pooled, and real images' scores."""
    features = result["features"]
    summary = [f"{label(name, features)} {shown(name, value)}" for name, value in result.get("summary", {}).items()]
    return [*summary, *floor_lines(features, result.get("floor", {}))]


def evaluation_table(result: dict[str, Any]) -> Table:
    """Return the table of an evaluation: a row per task, a column per metric.

    The last rows are the overall values (`overall_rows`), and the scores of real images if there are any.
    """
    table = Table(title=Text(f"evaluation{_measure(result['features'], str(result['n']))}"), title_justify="left")
    table.add_column("task")
    names = list(result["mean"])
    for name in names:
        table.add_column(column_head(name, result["features"]), justify="right")
    for row in result["tasks"]:
        table.add_row(Text(row["task"]), *(shown(name, row.get(name)) for name in names))
    table.add_section()
    for last, values in overall_rows(result).items():
        table.add_row(last, *(shown(name, values[name]) if name in values else "" for name in names))
    floor = result.get("floor", {})
    if floor:
        table.add_row(REAL_IMAGES, *(shown(name, floor.get(name)) for name in names))
    return table


def overall_rows(result: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Return the overall rows of an evaluation's table, by their labels.

    The row ``mean`` has the means over tasks. The row ``all`` has the values of pooled metrics over all tasks together.
    """
    rows: dict[str, dict[str, float | None]] = {}
    for name, value in result["mean"].items():
        rows.setdefault("all" if is_pooled(name, result["features"]) else "mean", {})[name] = value
    return rows


def print_floor(result: dict[str, Any]) -> None:
    """Print the scores of real images on a preset, one row per score."""
    floor = result["floor"]
    title = f"real images on {result['preset']}{_measure(result['features'], str(int(floor['n'])))}"
    table = Table(title=Text(title), title_justify="left")
    names = [name for name in floor if name != "n"]
    table.add_column("score")
    table.add_column("real images", justify="right")
    for name in names:
        table.add_row(heading(name, result["features"]), shown(name, floor[name]))
    show(table, *floor_lines(result["features"], {}))


def print_distances(result: dict[str, Any]) -> None:
    """Print the scores of `gencl fid`, one column per score."""
    one, other = (f"{name} ({n:,})" for name, n in zip(result["images"], result["n"], strict=True))
    table = Table(title=Text(f"{one} against {other}{_measure(result['features'])}"), title_justify="left")
    for name in result["scores"]:
        table.add_column(column_head(name, result["features"]), justify="right")
    table.add_row(*(shown(name, value) for name, value in result["scores"].items()))
    show(table)


def _measure(features: dict[str, Any], n: str = "") -> str:
    """Return the part of a title that says what scores depend on: the extractor, n per task, and its weights."""
    if not features:
        return ""
    others = "" if features.get("published", True) else ", not the published weights: compare with nothing else"
    return f", {extractor_title(features['name'])} features{f', n = {n} per task' if n else ''}{others}"
