"""The ``gencl sample`` command."""

from __future__ import annotations

from pathlib import Path

import click

from gencl.commands.options import PATH, Number, Whole, checked_classes, debug_option, device_option, plugin_option

MOST_IN_A_GRID = 10_000


@click.command("sample")
@click.argument("run", type=PATH, metavar="RUN|MODEL")
@click.option("--task", type=Whole(1), metavar="K", help="Draw only the classes of the K-th task (1 is the first).")
@click.option(
    "--classes", metavar="0-2,cats", callback=checked_classes,
    help="Draw only these classes, by number or name.  [default: all]",
)  # fmt: skip
@click.option(
    "--n",
    "--samples",
    type=Whole(1, 1_000_000_000),
    default=64,
    show_default=True,
    metavar="N",
    help="Images in all, equally many of each class. Under a launcher write --samples, because launchers read --n as "
    "theirs.",
)
@click.option("--seed", type=Whole(0), metavar="N", help="Seed of the latents.  [default: the run's]")
@click.option(
    "--guidance",
    type=Number(0, 100),
    metavar="W",
    help="How strongly images follow their class, for generators with guidance; 1: as learned.  [default: the run's]",
)
@click.option("--out", type=PATH, metavar="FILE.png", help="File for a grid of images.  [default: samples.png]")
@click.option(
    "--to",
    type=PATH,
    metavar="DIR",
    help="Write one PNG per image, in a folder per class. The same command goes on after an interruption.",
)
@click.option(
    "--npz", type=PATH, metavar="FILE", help="Write all images into one NumPy file: arr_0 (n, h, w, c), arr_1 labels."
)
@device_option
@plugin_option
@debug_option
def command(
    run: str,
    task: int | None,
    classes: str | None,
    n: int,
    seed: int | None,
    guidance: float | None,
    out: str | None,
    to: str | None,
    npz: str | None,
    device: str,
) -> None:
    """Draw a grid of images from a run's generator, or from a ready model (gencl list models).

    The grid has one or more rows per class, with the same latents in each class. --to and --npz write single images
    instead.

    \b
    Examples:
      gencl sample runs/digits-cgan-anpyc-seed0
      gencl sample mnist-cgan-anpyc
      gencl sample runs/digits-cgan-anpyc-seed0 --classes 3,7 --n 64 --out x.png
      gencl sample runs/folders-cgan-anpyc+align-seed0 --classes cats,dogs
      gencl sample mnist-cgan-anpyc --n 50000 --to images
      accelerate launch --multi_gpu --num_processes 4 -m gencl sample runs/faces --samples 50000 --to images
      gencl sample runs/mine --guidance 2
    """
    if classes is not None and task is not None:
        raise click.UsageError("--task and --classes exclude each other")
    files = [name for name in (to, npz) if name is not None]
    if files and out is not None:
        raise click.UsageError("--out draws a grid; leave it out where --to or --npz write the images themselves")
    if not files and n > MOST_IN_A_GRID:
        raise click.UsageError(f"--n {n}: a grid has at most {MOST_IN_A_GRID:,} images; --to DIR writes more")
    out = out or "samples.png"
    path = None if files else Path(out)
    from gencl.uses.targets import check_target

    if path is not None:
        check_target("--out", path, ".png")
    from gencl.core.launcher import main_process
    from gencl.drawing.grids import save_picture
    from gencl.run import load_run

    if path is not None and main_process():
        save_picture(load_run(run).sample(classes, n, task, seed, guidance, device), path)
    elif path is None:
        load_run(run).save_images(to, npz, classes, n, seed, device, task, guidance)
    if main_process():
        click.echo("\n".join(files or [out]))
