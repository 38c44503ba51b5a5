"""The ``gencl interpolate`` command."""

from __future__ import annotations

from pathlib import Path

import click

from gencl.commands.options import (
    PATH,
    Whole,
    checked_classes,
    debug_option,
    device_option,
    plugin_option,
    said_warnings,
)


@click.command("interpolate")
@click.argument("run", type=PATH, metavar="RUN|MODEL")
@click.argument("images", type=PATH, nargs=-1, metavar="[A B]")
@click.option(
    "--task",
    type=Whole(1),
    metavar="K",
    help="Draw with the K-th task (1 is the first).  [default: all tasks; for images, the best]",
)
@click.option(
    "--classes", metavar="a,b", callback=checked_classes,
    help="Go between two classes, or between latents of one: numbers or names.",
)  # fmt: skip
@click.option(
    "--steps",
    type=Whole(2, 100),
    default=9,
    show_default=True,
    metavar="N",
    help="Images per row, both ends included.",
)
@click.option("--seed", type=Whole(0), metavar="N", help="Seed of the latents.  [default: the run's]")
@click.option(
    "--out", type=PATH, default="interpolation.png", show_default=True, metavar="FILE.png", help="File to write."
)
@device_option
@plugin_option
@debug_option
def command(
    run: str,
    images: tuple[str, ...],
    task: int | None,
    classes: str | None,
    steps: int,
    seed: int | None,
    out: str,
    device: str,
) -> None:
    """Draw the steps between two images A and B (VAEs only), two latents, or two classes.

    Without images and classes, gencl draws one row per class, between two latents.

    \b
    Examples:
      gencl interpolate runs/digits-vae-anpyc-seed0
      gencl interpolate runs/digits-cgan-anpyc-seed0 --classes 3,8 --steps 12
      gencl interpolate runs/celeba-anime-vae-anpyc-seed0 me.jpg you.jpg --task 1 --out x.png
    """
    if classes is not None and task is not None:
        raise click.UsageError("--task and --classes exclude each other")
    path = Path(out)
    from gencl.uses.targets import check_target

    check_target("--out", path, ".png")
    from gencl.drawing.grids import save_picture
    from gencl.run import load_run

    with said_warnings():
        picture = load_run(run).interpolate(images, task, classes, steps, seed, device)
    save_picture(picture, path)
    click.echo(out)
