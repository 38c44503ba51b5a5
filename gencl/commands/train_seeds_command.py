"""The hidden ``gencl train-seeds`` command, which `gencl compare --ensemble` starts."""

from __future__ import annotations

from typing import Any

import click

from gencl.commands.options import PATH, machine_options, output_options, plugin_option


@click.command("train-seeds", hidden=True)
@plugin_option
@click.option("--config", required=True, type=PATH, metavar="FILE", help="Settings.")
@click.option("--seeds", required=True, metavar="0-4", help="Seeds.")
@click.option("--out", required=True, type=PATH, metavar="DIR", help="Runs go to DIR/seed-N.")
@machine_options
@output_options
def command(seeds: str, as_json: bool, **options: Any) -> None:
    """Train fresh runs that differ by their seed alone, as one."""
    from gencl.core.several import numbers
    from gencl.experiments.train_seeds import train_seeds

    train_seeds(seeds=numbers(seeds, "--seeds"), progress="silent" if as_json else "auto", **options)
