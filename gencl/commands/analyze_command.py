"""``gencl analyze``."""

from __future__ import annotations

import json

import click

from gencl.commands.options import PATH, machine_options, output_options, plugin_option


@click.command("analyze")
@click.argument("run", type=PATH, metavar="RUN|DIR")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--n", "--samples", "samples", type=click.IntRange(1, 10_000_000), default=1000, show_default=True, metavar="N",
    help="Images or latents a task on which importance is measured, at most.",
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
    """The papers' analysis figures of RUN, or of a comparison or search DIR: a PNG each, and the numbers as CSV.

    They are written into RUN/analysis/. Without a name all that apply.

    \b
      importance   its distribution, kurtosis and skewness (SPP fig. 6, ANPyC fig. 9)
      similarity   of importance between tasks, by layer; Fisher overlap (EWC; SPP fig. 7, ANPyC fig. 10)
      drift        change of the parameters against their importance (SPP fig. 7 and 8, ANPyC fig. 10)
      learning     accuracy within each task's training (EWC fig. 2A); of runs with --set evaluate.within=yes
      perturbation the score against the size of a random step: uniform, inverse Fisher, null space (EWC)
      patterns     signal to noise of random patterns and the share remembered, beside theory (EWC)
      capacity     what each layer has left (CLNP fig. 3-5), the model's size (ANPyC fig. 7)
      sensitivity  accuracy or distance over lambda, beta or any number that DIR varied (SPP fig. 4, ANPyC fig. 8)

    drift needs the network as it was after earlier tasks: train with --set keep=tasks. Other runs have at most the last
    two tasks'.

    \b
    Examples:
      gencl analyze runs/digits-cgan-anpyc-seed0
      gencl train --preset digits-mlp --set keep=tasks --out runs/kept
      gencl analyze runs/kept drift similarity
      gencl compare --preset digits-mlp --methods ewc,mas,spp,anpyc --seeds 0-2 --out runs/methods
      gencl analyze runs/methods importance
      gencl tune --preset digits-mlp --methods anpyc --grid lambda=0.1,1,10,100 --out runs/lambda
      gencl analyze runs/lambda sensitivity
    """
    import torch

    from gencl.analysis import analyze
    from gencl.core.files import here

    if threads is not None:
        torch.set_num_threads(threads)
    paths, said = analyze(run, names, samples=samples, data_root=data_root, device=device)
    if as_json:
        click.echo(json.dumps({"figures": [str(path) for path in paths], "said": said}, indent=1))
        return
    for line in said:
        click.echo(line)
    for path in paths:
        click.echo(f"  {here(path)}")
