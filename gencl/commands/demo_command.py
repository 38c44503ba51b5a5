"""The ``gencl demo`` command."""

from __future__ import annotations

import click

from gencl.commands.options import PATH, Whole, debug_option, machine_options, plugin_option


@click.command("demo")
@click.argument("run", type=PATH, metavar="RUN|MODEL|COMPARISON")
@click.option("--port", type=Whole(0, 65535), metavar="N", help="Port of the page.  [default: first free from 7860 on]")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Address to listen on; 0.0.0.0 lets the network open the page.",
)
@click.option(
    "--open/--no-open", "browser", default=None, help="Open the page in a browser.  [default: if there is a display]"
)
@plugin_option
@machine_options
@debug_option
def command(
    run: str,
    port: int | None,
    host: str,
    browser: bool | None,
    data_root: str | None,
    device: str,
    threads: int | None,
) -> None:
    """Open a page in the browser to play with a trained model. Ctrl-C ends it.

    On the page you choose classes and latents, look at earlier tasks, compare methods, interpolate, and reconstruct or
    classify a picture. Only this machine can open the page, and it loads nothing from the internet. It needs the extra
    gencl[demo].

    \b
    Examples:
      gencl demo mnist-cgan-anpyc
      gencl demo runs/digits-cgan-anpyc-seed0 --port 8000 --no-open
      gencl demo runs/digits-cgan-compare
      gencl demo hf:ada/digits
    """
    from gencl.core.extras import EXTRAS
    from gencl.demo.server import has_display, listen, serve

    EXTRAS["demo"].require("demo")
    with listen(host, port) as listening:
        import torch

        from gencl.demo.subject import open_subject

        subject = open_subject(run, device, data_root)
        torch.set_num_threads(threads or subject.threads())
        opened = has_display() if browser is None else browser
        serve(subject, listening, opened, lambda url: click.echo(f"{url}  (Ctrl-C ends it)"))
