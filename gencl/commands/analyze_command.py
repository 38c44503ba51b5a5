"""The ``gencl analyze`` command."""

from __future__ import annotations

import json

import click

from gencl.analysis import ANALYSES, SLOW
from gencl.commands.options import PATH, Whole, machine_options, output_options, plugin_option, said_warnings


def _each() -> str:
    """Return one line about each analysis, for the help."""
    return "\n".join(f"  {name:{max(map(len, ANALYSES))}} {ANALYSES.about(name)}" for name in ANALYSES)


@click.command(
    "analyze",
    help=f"""Draw the papers' analysis figures of RUN, or of a comparison or search DIR.

Each figure is a PNG and a CSV in RUN/analysis/. Without a NAME, gencl draws all figures that apply, except
{" and ".join(SLOW)}, which takes minutes.

\b
{_each()}

drift needs the networks after earlier tasks: train with --set keep=tasks. Other runs keep the last two at most.

\b
Examples:
  gencl analyze runs/digits-cgan-anpyc-seed0
  gencl train --preset digits-mlp --set keep=tasks --out runs/kept
  gencl analyze runs/kept drift similarity
  gencl compare --preset digits-mlp --methods ewc,mas,spp,anpyc --seeds 0-2 --out runs/methods
  gencl analyze runs/methods importance
  gencl tune --preset digits-mlp --methods anpyc --grid lambda=0.1,1,10,100 --out runs/lambda
  gencl analyze runs/lambda sensitivity
""",
)
@click.argument("run", type=PATH, metavar="RUN|DIR")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--n", "--samples", "samples", type=Whole(1, 10_000_000), default=1000, show_default=True, metavar="N",
    help="Measure importance on at most so many images or latents per task.",
)  # fmt: skip
@plugin_option
@machine_options
@output_options
def command(
    run: str,
    names: tuple[str, ...],
    samples: int,
    data_root: str | None,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Draw the analysis figures of a run or comparison."""
    import torch

    from gencl.analysis import analyze
    from gencl.core.files import here

    if threads is not None:
        torch.set_num_threads(threads)
    with said_warnings():
        paths, said = analyze(run, names, samples=samples, data_root=data_root, device=device)
    if as_json:
        click.echo(json.dumps({"figures": [str(path) for path in paths], "said": said}, indent=1))
        return
    for line in said:
        click.echo(line)
    for path in paths:
        click.echo(f"  {here(path)}")
