"""The ``gencl push`` command."""

from __future__ import annotations

import click

from gencl.commands.options import PATH, debug_option, plugin_option


@click.command("push")
@click.argument("run", type=PATH, metavar="RUN|MODEL")
@click.argument("name", metavar="OWNER/NAME")
@click.option("--private", is_flag=True, help="If the repository is new, let only you see it.")
@click.option(
    "--license",
    "licence",
    metavar="ID",
    help="Licence of the model.  [default: the data's licence, if gencl knows it]",
)
@plugin_option
@debug_option
def command(run: str, name: str, private: bool, licence: str | None) -> None:
    """Publish a run's model on the Hugging Face Hub: weights as safetensors, a card with its measures, a picture.

    Log in first with hf auth login, or set $HF_TOKEN. config.yaml is not uploaded, because it may name your folders.

    \b
    Examples:
      gencl push runs/digits-cgan-anpyc-seed0 ada/digits
      gencl push runs/folders-cgan-anpyc+align-seed0 ada/cats --license cc-by-4.0 --private
      gencl sample hf:ada/digits --n 1000 --to images
    """
    from gencl.run import load_run

    click.echo(load_run(run).push(name, private, licence))
