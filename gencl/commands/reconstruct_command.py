"""The ``gencl reconstruct`` command."""

from __future__ import annotations

from pathlib import Path

import click

from gencl.commands.options import (
    PATH,
    Whole,
    data_root_option,
    debug_option,
    device_option,
    plugin_option,
    said_warnings,
)


@click.command("reconstruct")
@click.argument("run", type=PATH, metavar="RUN|MODEL")
@click.argument("images", type=PATH, nargs=-1, metavar="[IMAGES]...")
@click.option(
    "--task",
    type=Whole(1),
    metavar="K",
    help="Draw with the K-th task (1 is the first).  [default: all tasks; for IMAGES, the best]",
)
@click.option(
    "--n",
    type=Whole(1, 1000),
    metavar="N",
    help="Held-out images per task; not with IMAGES.  [default: 12]",
)
@data_root_option
@click.option(
    "--out", type=PATH, default="reconstructions.png", show_default=True, metavar="FILE.png", help="File to write."
)
@device_option
@plugin_option
@debug_option
def command(
    run: str, images: tuple[str, ...], task: int | None, n: int | None, data_root: str | None, out: str, device: str
) -> None:
    """Draw images with their reconstructions by the VAE in RUN below them.

    Without IMAGES, gencl takes held-out images of the run's data.

    \b
    Examples:
      gencl reconstruct runs/digits-vae-anpyc-seed0
      gencl reconstruct runs/digits-vae-anpyc-seed0 --task 1 --n 24 --out x.png
      gencl reconstruct runs/celeba-anime-vae-anpyc-seed0 me.jpg you.jpg --task 2
    """
    path = Path(out)
    from gencl.uses.targets import check_target

    check_target("--out", path, ".png")
    from gencl.drawing.grids import save_picture
    from gencl.run import load_run

    with said_warnings():
        picture = load_run(run).reconstruct(images, n, task, data_root, device)
    save_picture(picture, path)
    click.echo(out)
