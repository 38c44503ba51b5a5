"""The ``gencl evaluate`` command."""

from __future__ import annotations

import json
from typing import Literal

import click

from gencl.commands.options import (
    PATH,
    Whole,
    data_root_option,
    device_option,
    options_for_settings,
    output_options,
    plugin_option,
)


@click.command("evaluate")
@click.argument("run", type=PATH, metavar="RUN|MODEL")
@click.option(
    "--metrics",
    metavar="a,b",
    help="What to measure (gencl list metrics). prc means precision and recall, lpips all three LPIPS metrics.  "
    "[default: all that apply, except those on request, such as isc, lpips and fitting]",
)
@click.option(
    "--features",
    metavar="NAME",
    help="Feature extractor: auto, or a name from gencl list extractors.  [default: the run's]",
)
@click.option(
    "--weights",
    multiple=True,
    type=PATH,
    metavar="FILE",
    help="File with weights of Inception-v3 (FID), DINOv2 (FD), AlexNet or VGG-16 (LPIPS); gencl sees which "
    "(repeatable).  [default: the published weights, downloaded once]",
)
@click.option(
    "--backbone", type=click.Choice(["alex", "vgg"]), default="alex", show_default=True, help="Network of LPIPS."
)
@click.option(
    "--n",
    "--samples",
    type=Whole(2, 10_000_000),
    metavar="N",
    help="Images to generate per task. Under a launcher write --samples, because launchers read --n as theirs.  "
    "[default: the run's]",
)
@data_root_option
@device_option
@click.option("--batch-size", type=Whole(1, 100_000), default=500, show_default=True, metavar="N")
@plugin_option
@output_options
def command(
    run: str,
    metrics: str | None,
    features: str | None,
    weights: tuple[str, ...],
    backbone: Literal["alex", "vgg"],
    n: int | None,
    data_root: str | None,
    device: str,
    batch_size: int,
    as_json: bool,
) -> None:
    """Measure a trained RUN on all its tasks, and write RUN/evaluation.json.

    \b
    Examples:
      gencl evaluate runs/digits-cgan-anpyc-seed0
      gencl evaluate runs/digits-cgan-anpyc-seed0 --metrics fid,kid,prc --n 5000
      gencl evaluate runs/faces --features inception --metrics fid,lpips
      accelerate launch --multi_gpu --num_processes 4 -m gencl evaluate runs/faces --samples 50000
    """
    from gencl.core.launcher import main_process
    from gencl.reports.tables import print_evaluation
    from gencl.run import load_run

    with options_for_settings():
        result = load_run(run).evaluate(metrics, n, features, data_root, device, batch_size, weights, backbone)
    if not main_process():
        return
    if as_json:
        click.echo(json.dumps(result, indent=1))
    else:
        print_evaluation(result)
