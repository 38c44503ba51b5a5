"""``gencl analyze``."""

from __future__ import annotations

import json

import click

from gencl.commands.options import PATH, Whole, machine_options, output_options, plugin_option


@click.command("analyze")
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
    """Draw the papers' analysis figures of RUN, or of a comparison or search DIR.

    Each figure is a PNG and a CSV in RUN/analysis/. Without a NAME, gencl draws all figures that apply, except
    perturbation, which takes minutes.

    \b
      importance   how unequal importance is: distribution, kurtosis, skewness (SPP fig. 6, ANPyC fig. 9)
      similarity   whether two tasks rest on the same parameters (EWC, Fisher overlap; SPP fig. 7, ANPyC fig. 10)
      drift        whether important parameters stayed where they were (SPP fig. 7 and 8, ANPyC fig. 10)
      learning     accuracy while each task trains (EWC fig. 2A); needs --set evaluate.within=yes
      total        the sum of all tasks' scores while they train (EWC fig. 3); needs --set evaluate.within=yes
      perturbation the score after random steps: uniform, inverse Fisher, null space (EWC)
      patterns     how many random patterns are remembered, beside theory (EWC)
      capacity     how much of each layer is taken (CLNP fig. 3-5), and the model's size (ANPyC fig. 7)
      sensitivity  accuracy or distance over a setting that DIR varied (SPP fig. 4, ANPyC fig. 8)

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
