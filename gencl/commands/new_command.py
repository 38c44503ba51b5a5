"""The ``gencl new`` command."""

from __future__ import annotations

from typing import get_args

import click

from gencl.commands.options import PATH, debug_option
from gencl.plugins.new import Kind, new_plugin


@click.command("new")
@click.argument("kind", type=click.Choice(get_args(Kind)))
@click.argument("name")
@click.option("--out", type=PATH, metavar="FILE.py", help="File to write.  [default: NAME.py here]")
@debug_option
def command(kind: Kind, name: str, out: str | None) -> None:
    """Write a plug-in file that works at once, and its test beside it. Then change it to yours.

    "learner" writes a classifier, and "generator" a learner that draws images.

    \b
    Examples:
      gencl new method mine && gencl train --plugin mine.py --method mine
      gencl new generator mine && gencl train --plugin mine.py --preset digits-vae --set model.name=mine
      gencl new dataset shapes --out plugins/shapes.py
      gencl new scenario turned && gencl train --plugin turned.py --preset digits-mlp --set scenario.name=turned
    """
    path, test = new_plugin(kind, name, out)
    click.echo(f"{path}\n{test}")
