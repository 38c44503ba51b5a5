"""``gencl train``."""

from __future__ import annotations

import json
from typing import Any

import click

from gencl.commands.options import machine_options, method_option, output_options, plugin_option, settings_options


@click.command("train")
@plugin_option
@settings_options
@method_option("What keeps it from forgetting (gencl list methods).  [default: anpyc]")
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Seed of everything random.  [default: 0]")
@click.option("--out", type=click.Path(), metavar="DIR", help="Run directory.  [default: runs/PRESET-METHOD-seedN]")
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@click.option("--log-with", type=click.Choice(["tensorboard", "wandb"]), help="Follow it live in a tracker as well.")
@machine_options
@output_options
def command(as_json: bool, **options: Any) -> None:
    """Learn the tasks of a preset one after another, and measure after each what is remembered.

    \b
    Examples:
      gencl train --method anpyc
      gencl train --preset mnist-cgan --method ewc --seed 1 --data-root DIR
      gencl train --method anpyc --set method.lambda=10 --set train.steps=400
      gencl train --resume --out runs/digits-cgan-anpyc-seed0
      torchrun --nproc_per_node 2 -m gencl train --method anpyc      (CPU)
      accelerate launch -m gencl train --preset mnist-cgan           (GPUs)
    """
    from gencl.core.processes import main_process
    from gencl.reports.tables import print_run
    from gencl.training.train import train

    run = train(**options, progress="silent" if as_json else "auto")
    if not main_process():
        return
    if as_json:
        click.echo(json.dumps(run.metrics, indent=1))
    else:
        print_run(run)
