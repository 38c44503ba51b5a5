"""``gencl report``."""

from __future__ import annotations

import click

from gencl.cli.options import debug_option


@click.command("report")
@click.argument("run", type=click.Path(), metavar="RUN")
@click.option("--out", type=click.Path(), metavar="FILE.html", help="Where to write.  [default: RUN/report.html]")
@debug_option
def command(run: str, out: str | None) -> None:
    """Write RUN/report.html again: one file that opens from disk.

    \b
    Example:
      gencl report runs/digits-cgan-anpyc-seed0
    """
    from gencl.training.run import load_run

    click.echo(load_run(run).write_report(out))
