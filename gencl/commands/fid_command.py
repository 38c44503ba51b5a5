"""The ``gencl fid`` command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from gencl.commands.options import (
    PATH,
    Whole,
    broken_option,
    data_root_option,
    device_option,
    options_for_settings,
    output_options,
    plugin_option,
)

if TYPE_CHECKING:
    from gencl.core.settings import Broken


@click.command("fid")
@click.argument("a", metavar="IMAGES")
@click.argument("b", required=False, metavar="[REFERENCE]")
@click.option(
    "--n",
    "--samples",
    type=Whole(2, 10_000_000),
    metavar="N",
    help="Take so many of IMAGES.  [default: all; from a run as many as it was measured with, or as REFERENCE has]",
)
@click.option(
    "--features",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="Feature extractor: auto, or a name from gencl list extractors.",
)
@click.option(
    "--weights",
    multiple=True,
    type=PATH,
    metavar="FILE",
    help="File with weights of Inception or DINOv2 (repeatable).  [default: the published weights]",
)
@click.option(
    "--split",
    type=click.Choice(["test", "train"]),
    default="test",
    show_default=True,
    help="Which images of a data set to take.",
)
@click.option("--size", type=Whole(4, 1024), metavar="N", help="Resize to N x N pixels.  [default: the run's size]")
@click.option("--channels", type=click.Choice(["1", "3"]), help="1: grey, 3: RGB.  [default: the run's]")
@data_root_option
@device_option
@click.option("--batch-size", type=Whole(1, 100_000), default=500, show_default=True, metavar="N")
@broken_option
@click.option(
    "--real",
    is_flag=True,
    help="Measure the floor: real training images in place of generated ones, against the held-out images. IMAGES is "
    "then a run or a preset's name, and --n is per task.",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="With --real: change a setting of the preset (repeatable).",
)
@plugin_option
@output_options
def command(
    a: str,
    b: str | None,
    n: int | None,
    features: str,
    weights: tuple[str, ...],
    split: str,
    size: int | None,
    channels: str | None,
    data_root: str | None,
    device: str,
    batch_size: int,
    broken: Broken,
    real: bool,
    assignments: tuple[str, ...],
    as_json: bool,
) -> None:
    """Measure how far IMAGES are from REFERENCE, all classes together.

    It shows Fréchet distance, KID, precision, recall and Inception score.

    Each is a run's directory (its generator draws), a folder of images, or a data set. Without REFERENCE, gencl takes
    the held-out images of the run; the distance is then fid_all of the run's metrics.json. The distance is an FID only
    in Inception's features. For other features, the table names them.

    \b
    Examples:
      gencl fid runs/digits-cgan-anpyc-seed0
      gencl fid runs/digits-cgan-anpyc-seed0 digits --split train
      gencl fid ./generated ./real --size 64
      gencl fid mnist-cgan --real
      accelerate launch --multi_gpu --num_processes 4 -m gencl fid runs/faces ./faces --samples 50000
    """
    from gencl.core.launcher import main_process
    from gencl.reports.tables import print_distances, print_floor
    from gencl.uses.fid import fid
    from gencl.uses.floor import floor

    if assignments and not real:
        raise click.UsageError("--set: changes a preset, which --real measures")
    if real:
        if b is not None:
            raise click.UsageError("--real: compares with held-out images; leave REFERENCE out")
        if split != "test" or size is not None or channels is not None or broken != "refuse":
            raise click.UsageError("--real: takes the images as the preset has them; change it by --set")
        chosen = None if features == "auto" else features
        with options_for_settings():
            result = floor(a, n, chosen, assignments, data_root, device, weights=weights, batch_size=batch_size)
        if main_process() and as_json:
            click.echo(json.dumps(result, indent=1))
        elif main_process():
            print_floor(result)
        return
    pixels = None if channels is None else int(channels)
    with options_for_settings():
        result = fid(a, b, n, features, weights, split, size, pixels, data_root, device, batch_size, broken)
    if not main_process():
        return
    if as_json:
        click.echo(json.dumps(result, indent=1))
    else:
        print_distances(result)
