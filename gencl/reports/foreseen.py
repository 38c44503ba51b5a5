"""Print the result of a dry run: the settings, the sizes of the networks, and the expected time and memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from gencl.core import yaml_files
from gencl.core.amounts import duration, memory
from gencl.reports.tables import show

LONG_SECONDS = 600
"""For longer runs, the output suggests a short trial run."""


def print_foreseen(tree: Mapping[str, Any]) -> None:
    """Print the result of `gencl.training.dry_run.dry_run`."""
    settings = yaml_files.dump(tree["settings"], allow_unicode=True).rstrip()
    show(settings, networks_table(tree["networks"]), *estimate_lines(tree["settings"], tree["estimate"]), width=120)


def print_plan(tree: Mapping[str, Any], as_json: bool = False) -> int:
    """Print the result of `gencl.experiments.plan.plan` as a table, or as JSON.

    Returns the exit status: 1 if some runs cannot be trained.
    """
    errors = [f"{label}: {row['error']}" for label, row in tree["groups"].items() if "error" in row]
    if as_json:
        print(json.dumps(tree, indent=1))
        return int(bool(errors))
    table, total = Table("method"), tree["total"]
    for column in ("runs", "each", "all"):
        table.add_column(column, justify="right")
    for label, row in tree["groups"].items():
        each = row.get("seconds")
        times = ["-", "-"] if each is None else [duration(each), duration(each * row["runs"])]
        table.add_row(Text(label), f"{row['runs']}", *times)
    show(table, *errors, *_plan_lines(total), width=120)
    return int(bool(errors))


def _plan_lines(total: Mapping[str, Any]) -> list[str]:
    """Return lines with the total time of the planned runs, and of those that may follow."""
    jobs = f" with --jobs {total['jobs']}" if total["jobs"] > 1 else ""
    time = f": about {duration(total['seconds'])} on this machine{jobs}" if total["runs"] else ""
    lines = [f"{total['runs']} runs to train{time}"]
    if total["more"]:
        lines.append(f"at most {total['more']} more may follow: about {duration(total['more_seconds'])}")
    return lines


def networks_table(networks: Mapping[str, Mapping[str, int]]) -> Table:
    """Return a table of each network's parameters: shared, per task, carried along, and in total."""
    table = Table("network", title="parameters, with all tasks learned", title_justify="left")
    for column in ("shared", "per task", "carried along", "total", "MB"):
        table.add_column(column, justify="right")
    for name, size in networks.items():
        table.add_row(name, *_cells(size))
    if len(networks) > 1:
        keys = next(iter(networks.values()))
        table.add_section()
        table.add_row("all", *_cells({key: sum(size[key] for size in networks.values()) for key in keys}))
    return table


def _cells(size: Mapping[str, int]) -> list[str]:
    numbers = [f"{size[key]:,}" for key in ("shared", "per_task", "carried", "total")]
    return [*numbers, f"{size['bytes'] / 1e6:.1f}"]


def estimate_lines(settings: Mapping[str, Any], estimate: Mapping[str, Any]) -> list[str]:
    """Return lines with the expected time and memory. For a long run, the last one suggests a short trial run."""
    parts = [f"{estimate['steps']:,} steps {duration(estimate['train_seconds'])}"]
    parts += [
        f"{what} {duration(estimate[key])}"
        for what, key in (("importance", "importance_seconds"), ("measuring", "eval_seconds"))
        if estimate[key] >= 1
    ]
    lines = [
        f"time:   about {duration(estimate['seconds'])} on this machine ({', '.join(parts)})",
        f"memory: about {memory(estimate['memory_bytes'])} of {memory(estimate['free_memory_bytes'])} that are free",
    ]
    if estimate["seconds"] > LONG_SECONDS:
        key = "epochs" if settings["train"].get("epochs") else "steps"
        fewer = " --set evaluate.samples=0.2x" if estimate["eval_seconds"] > estimate["seconds"] / 4 else ""
        lines.append(f"a first look, with a tenth of the steps: --set train.{key}=0.1x{fewer}")
    return lines
