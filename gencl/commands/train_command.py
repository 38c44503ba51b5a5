"""The ``gencl train`` command."""

from __future__ import annotations

import json
from typing import Any

import click

from gencl.commands.options import (
    PATH,
    Whole,
    machine_options,
    method_option,
    output_options,
    plugin_option,
    settings_options,
)
from gencl.core.extras import TRACKERS


@click.command("train")
@plugin_option
@settings_options
@method_option("Method against forgetting (gencl list methods).  [default: the preset's]")
@click.option("--seed", type=Whole(0), metavar="N", help="Seed of all random choices.  [default: the preset's, else 0]")
@click.option("--out", type=PATH, metavar="DIR", help="Run directory.  [default: runs/PRESET-METHOD-seedN]")
@click.option("--resume", is_flag=True, help="Go on with the interrupted run in --out.")
@click.option("--dry-run", is_flag=True, help="Show settings, networks, time and memory; train nothing.")
@click.option("--log-with", type=click.Choice(TRACKERS), help="Also log to a tracker.")
@machine_options
@output_options
def command(dry_run: bool, as_json: bool, **options: Any) -> None:
    """Learn the tasks of a preset one after another. After each task, measure all tasks so far.

    After its first steps, the run says how much time and memory it takes. --dry-run says so without training: it tries
    a few steps of two tasks and writes nothing.

    \b
    Examples:
      gencl train --method anpyc
      gencl train --preset mnist-cgan --method ewc --seed 1 --data-root DIR
      gencl train --method anpyc --set method.lambda=10 --set train.steps=400
      gencl train --preset mnist-cgan --dry-run --data-root DIR
      gencl train --preset mnist-cgan --set train.steps=0.1x --data-root DIR
      gencl train --resume --out runs/digits-cgan-anpyc-seed0
      torchrun --nproc_per_node 2 -m gencl train --method anpyc      (CPU)
      accelerate launch -m gencl train --preset mnist-cgan           (GPUs)
    """
    from gencl.core.launcher import main_process
    from gencl.core.progress import Mode
    from gencl.reports.tables import print_run
    from gencl.training.train import train

    progress: Mode = "silent" if as_json else "auto"
    if dry_run:
        _foresee(as_json, progress=progress, **options)
        return
    run = train(**options, progress=progress)
    if not main_process():
        return
    if as_json:
        estimate = {} if run.estimate is None else {"estimate": run.estimate}
        click.echo(json.dumps({**run.metrics, **estimate}, indent=1))
    else:
        print_run(run)


def _foresee(as_json: bool, **options: Any) -> None:
    """Print the result of a dry run."""
    from gencl.core.launcher import main_process
    from gencl.reports.foreseen import print_foreseen
    from gencl.training.dry_run import dry_run

    tree = dry_run(**options)
    if not tree or not main_process():
        return
    if as_json:
        click.echo(json.dumps(tree, indent=1))
    else:
        print_foreseen(tree)
