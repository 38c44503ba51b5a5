"""The ``gencl export`` command."""

from __future__ import annotations

import click

from gencl.commands.options import PATH, debug_option, plugin_option


@click.command("export")
@click.argument("run", type=PATH, metavar="RUN|MODEL")
@click.option("--onnx", type=PATH, metavar="FILE.onnx", help="Write ONNX; needs the extra gencl[onnx].")
@click.option(
    "--torch", "torch_file", type=PATH, metavar="FILE.pt2", help="Write PyTorch's exported program (torch.export)."
)
@click.option("--opset", type=int, metavar="N", help="Version of ONNX's operator set, with --onnx.  [default: 18]")
@plugin_option
@debug_option
def command(run: str, onnx: str | None, torch_file: str | None, opset: int | None) -> None:
    """Write a run's network for other programs. Of a generator: latents and class numbers to images in [0, 1]. Of a
    classifier: images to logits of all classes in the order learned.

    \b
    Examples:
      gencl export mnist-cgan-anpyc --onnx digits.onnx
      gencl export runs/digits-mlp-anpyc-seed0 --onnx mlp.onnx --torch mlp.pt2
    """
    from gencl.run import load_run

    shapes = load_run(run).export(onnx, torch_file, opset)
    for file in (onnx, torch_file):
        if file is not None:
            click.echo(f"{file}: {shapes}")
