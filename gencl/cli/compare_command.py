"""``gencl compare``."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import click

from gencl.cli.options import machine_options, numbers, output_options, settings_options


@click.command("compare")
@settings_options
@click.option("--methods", default="sgd,anpyc,joint", show_default=True, metavar="a,b", help="Names or NAME:KEY=VALUE.")
@click.option("--seeds", default="0", show_default=True, metavar="0-4", help="Seeds.")
@click.option(
    "--out", type=click.Path(), metavar="DIR", help="Where cells and results go.  [default: runs/PRESET-compare]"
)
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, metavar="N", help="Cells at a time.")
@machine_options
@output_options
def command(
    preset: str | None,
    config: str | None,
    assignments: tuple[str, ...],
    methods: str,
    seeds: str,
    out: str | None,
    jobs: int,
    data_root: str | None,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Train methods x seeds and show one table; started again it goes on where it was.

    \b
    Examples:
      gencl compare --methods sgd,anpyc,joint --seeds 0-2
      gencl compare --methods anpyc,anpyc:method.prune=0 --seeds 0-4 --jobs 2
      gencl compare --preset mnist-cgan --methods sgd,ewc,mas,anpyc --seeds 0-2 --data-root DIR
    """
    if preset is not None and config is not None:
        raise click.UsageError("--preset and --config exclude each other")
    from gencl import files, presets
    from gencl.reports.tables import comparison_markdown, print_comparison
    from gencl.training.compare import compare

    name = presets.resolve(preset, config, assignments=assignments).preset
    folder = Path(out or f"runs/{name}-compare")
    results = compare(
        methods, numbers(seeds, "--seeds"), folder, preset,
        config=config, set=assignments, jobs=jobs, data_root=data_root, device=device, threads=threads,
        progress="silent" if as_json else "auto",
    )  # fmt: skip
    typed = shlex.join(["gencl", *sys.argv[1:]])
    files.write(folder / "results.md", comparison_markdown(results, typed))
    if as_json:
        click.echo(json.dumps(results, indent=1))
    else:
        print_comparison(results)
        click.echo(f"results: {folder}/results.json, results.csv and results.md")
    if any(row["status"] == "failed" for row in results["methods"].values()):
        sys.exit(1)
