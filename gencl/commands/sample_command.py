"""``gencl sample``."""

from __future__ import annotations

import click

from gencl.commands.options import PATH, debug_option, numbers, picture_path, plugin_option


@click.command("sample")
@click.argument("run", type=PATH, metavar="RUN|MODEL")
@click.option("--task", type=click.IntRange(1), metavar="K", help="Only the classes of the K-th task (1 is the first).")
@click.option("--classes", metavar="0,1,2", help="Only these classes.  [default: all]")
@click.option(
    "--n", type=click.IntRange(1, 10_000), default=64, show_default=True, metavar="N", help="Images, in whole columns."
)
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Seed of the latents.  [default: the run's]")
@click.option(
    "--guidance",
    type=click.FloatRange(0, 100),
    metavar="W",
    help="How strongly images follow their class, if the generator can be guided; 1: as learned.  [default: the run's]",
)
@click.option("--out", type=PATH, default="samples.png", show_default=True, metavar="FILE.png", help="Picture.")
@plugin_option
@debug_option
def command(
    run: str, task: int | None, classes: str | None, n: int, seed: int | None, guidance: float | None, out: str
) -> None:
    """Draw a grid of images from a run's generator, or from a ready model (gencl list models): a row per class, a
    latent per column.

    \b
    Examples:
      gencl sample runs/digits-cgan-anpyc-seed0
      gencl sample mnist-cgan-anpyc
      gencl sample runs/digits-cgan-anpyc-seed0 --classes 3,7 --n 64 --out x.png
      gencl sample runs/mine --guidance 2
    """
    wanted = numbers(classes, "--classes") if classes is not None else None
    if wanted is not None and task is not None:
        raise click.UsageError("--task and --classes exclude each other")
    path = picture_path(out)
    from gencl.api import load_run
    from gencl.drawing.grids import save_picture

    save_picture(load_run(run).sample(wanted, n, task, seed, guidance), path)
    click.echo(out)
