"""``gencl push``."""

from __future__ import annotations

import click

from gencl.commands.options import PATH, debug_option, plugin_option


@click.command("push")
@click.argument("run", type=PATH, metavar="RUN|MODEL")
@click.argument("name", metavar="OWNER/NAME")
@click.option("--private", is_flag=True, help="Make a new repository that only you can see.")
@click.option(
    "--license",
    "licence",
    metavar="ID",
    help="Licence of the model.  [default: that of the data, where gencl knows it]",
)
@plugin_option
@debug_option
def command(run: str, name: str, private: bool, licence: str | None) -> None:
    """Put a run's model on the Hugging Face Hub: weights as safetensors, a card with its measures, a picture. Settings
    stay here, because they may name your folders. It takes the token of hf auth login, or $HF_TOKEN.

    \b
    Examples:
      gencl push runs/digits-cgan-anpyc-seed0 ada/digits
      gencl push runs/folders-cgan-anpyc+align-seed0 ada/cats --license cc-by-4.0 --private
      gencl sample hf:ada/digits --n 1000 --to images
    """
    from gencl.api import load_run

    click.echo(load_run(run).push(name, private, licence))
