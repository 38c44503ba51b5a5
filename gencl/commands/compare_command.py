"""The ``gencl compare`` command."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from gencl.commands.options import (
    PATH,
    checked_analyses,
    checked_methods,
    comparison_options,
    plugin_option,
    said_warnings,
)


@click.command("compare")
@click.option(
    "--methods", default="sgd,anpyc,joint", show_default=True, metavar="a,b", callback=checked_methods,
    help="Methods to train. NAME:KEY=VALUE trains one with another setting.",
)  # fmt: skip
@click.option("--seeds", metavar="0-4", help="Seeds.  [default: 0-4 if the preset has seeds: 5, else 0]")
@click.option(
    "--baseline", metavar="NAME", help="Compare the others with this method, seed by seed.  [default: plain training]"
)
@click.option("--out", type=PATH, metavar="DIR", help="Folder of runs and results.  [default: runs/PRESET-compare]")
@click.option(
    "--ensemble", is_flag=True, help="Train all seeds of a method as one run where that works (fast on a GPU)."
)
@click.option(
    "--executor",
    type=click.Choice(["slurm", "local"]),
    help="Submit each run as a job, through submitit (see docs/slurm.md).",
)
@click.option(
    "--slurm", multiple=True, metavar="KEY=VALUE", help="Pass an option to sbatch (repeatable), such as time=2:00:00."
)
@click.option(
    "--analyze", "analyses", default="", metavar="a,b", callback=checked_analyses,
    help="Draw these figures at the end, as gencl analyze does.",
)  # fmt: skip
@plugin_option
@comparison_options
def command(
    methods: str, seeds: str | None, out: str | None, analyses: list[str], as_json: bool, **options: Any
) -> None:
    """Train several methods with several seeds, and show one table with a report.

    To go on after an interruption, give the same command again.

    \b
    Examples:
      gencl compare --methods sgd,anpyc,joint --seeds 0-2
      gencl compare --methods sgd,anpyc,joint --seeds 0-4 --dry-run
      gencl compare --methods anpyc,anpyc:method.prune=0 --seeds 0-4 --jobs 2
      gencl compare --preset mnist-cgan --methods sgd,ewc,mas,anpyc --seeds 0-2 --data-root DIR
      gencl compare --methods ewc,mas,spp,anpyc --seeds 0-2 --set keep=tasks --analyze importance,drift
      gencl compare --preset mnist-cgan --seeds 0-9 --ensemble --data-root DIR
      gencl compare --seeds 0-9 --executor slurm --slurm time=1:00:00 --slurm partition=gpu --slurm gpus=1
    """
    from gencl import presets
    from gencl.analysis import analyze
    from gencl.core import files, several
    from gencl.core.progress import Mode
    from gencl.experiments.cells import preset_of
    from gencl.experiments.compare import compare
    from gencl.experiments.results import cell_failed
    from gencl.reports.comparison import write_comparison
    from gencl.reports.comparison_tables import comparison_markdown, print_comparison
    from gencl.reports.foreseen import print_plan
    from gencl.runs.variants import parse_variants

    first = parse_variants(methods)[0]
    folder = Path(out or f"runs/{preset_of(first, options['preset'], options['config'], options['set'])}-compare")
    progress: Mode = "silent" if as_json else "auto"
    seeds = presets.default_seeds(options["preset"], options["config"]) if seeds is None else seeds
    results = compare(methods, seeds, folder, progress=progress, **options)
    if options["dry_run"]:
        sys.exit(print_plan(results, as_json))
    typed = files.printable(shlex.join(["gencl", *sys.argv[1:]]))
    files.write(folder / "results.md", comparison_markdown(results, typed))
    report = write_comparison(folder)
    if as_json:
        click.echo(json.dumps(results, indent=1))
    else:
        print_comparison(results)
        click.echo(f"results: {folder}/results.json, results.csv and results.md\nreport:  {report}")
    if analyses:
        with said_warnings():
            paths, said = analyze(folder, analyses, data_root=options["data_root"], device=options["device"])
        for line in [] if as_json else [*said, *(f"  {files.here(path)}" for path in paths)]:
            click.echo(line)
    labels = [variant.label for variant in parse_variants(methods)]
    if any(cell_failed(results, label, seed) for label in labels for seed in several.numbers(seeds, "--seeds")):
        sys.exit(1)  # cells of earlier calls that failed do not count
