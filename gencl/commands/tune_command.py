"""The ``gencl tune`` command."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from gencl.commands.options import PATH, checked_methods, comparison_options, plugin_option


@click.command("tune")
@click.option("--methods", required=True, metavar="a,b", callback=checked_methods, help="Methods to tune.")
@click.option(
    "--grid", multiple=True, metavar="KEY=V1,V2",
    help="Values to try (repeatable). KEY is a setting of every method that has it; METHOD.KEY is that of one method. "
    "train.lr is always tried: 0.4, 1 and 2.5 times the preset's, or the values given here.",
)  # fmt: skip
@click.option(
    "--budget", type=int, default=9, show_default=True, metavar="N",
    help="At most so many candidates per method. Each is trained with every seed.",
)  # fmt: skip
@click.option(
    "--widen", type=int, default=3, show_default=True, metavar="N",
    help="If the best value is at an end of its grid, widen the grid at most so many times, beyond the budget.",
)  # fmt: skip
@click.option(
    "--seeds", default="10-11", show_default=True, metavar="10-11", help="Seeds. Do not report results with these."
)
@click.option("--out", type=PATH, metavar="DIR", help="Folder of runs and results.  [default: runs/PRESET-tune]")
@plugin_option
@comparison_options
def command(
    methods: str,
    grid: tuple[str, ...],
    budget: int,
    widen: int,
    seeds: str,
    out: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Choose settings of methods on validation images, with the same budget for each method.

    The search covers the learning rate and the method's own settings. The score of a classifier is the mean accuracy
    over all tasks, and that of a generator the mean distance (fid). To go on after an interruption, give the same
    command again.

    \b
    Examples:
      gencl tune --methods ewc,mas,anpyc --grid lambda=1,3,10
      gencl tune --methods ewc,mas,anpyc --dry-run
      gencl tune --preset digits-mlp --methods sgd,ewc --grid train.lr=0.05,0.1 --grid ewc.lambda=1,10 --budget 4
    """
    from gencl.core import files
    from gencl.core.progress import Mode
    from gencl.experiments.tune import default_folder, tune
    from gencl.reports.foreseen import print_plan
    from gencl.reports.tuning import print_search, search_markdown

    folder = Path(out) if out else default_folder(options["preset"], options["config"], methods, options["set"])
    progress: Mode = "silent" if as_json else "auto"
    search = tune(methods, grid, budget, seeds, folder, widen=widen, progress=progress, **options)
    if options["dry_run"]:
        sys.exit(print_plan(search, as_json))
    files.write(folder / "tune.md", search_markdown(search, files.printable(shlex.join(["gencl", *sys.argv[1:]]))))
    if as_json:
        click.echo(json.dumps(search, indent=1))
    else:
        print_search(search)
        click.echo(f"results: {folder}/tune.json, {folder}/tune.md; for the preset: {folder}/found.yaml")
    if any(row["best"] is None for row in search["methods"].values()):
        sys.exit(1)
