"""The ``gencl report`` command."""

from __future__ import annotations

from pathlib import Path

import click

from gencl.commands.options import PATH, debug_option, plugin_option


@click.command("report")
@click.argument("run", type=PATH, metavar="RUN|COMPARE_DIR")
@click.option("--out", type=PATH, metavar="FILE.html", help="File to write.  [default: RUN/report.html]")
@plugin_option
@debug_option
def command(run: str, out: str | None) -> None:
    """Write the report of a run or a comparison again: one HTML file that needs no network.

    \b
    Examples:
      gencl report runs/digits-cgan-anpyc-seed0
      gencl report runs/digits-cgan-compare --out digits.html
    """
    from gencl.core.files import here
    from gencl.reports.comparison import is_comparison, write_comparison
    from gencl.run import load_run
    from gencl.uses.targets import check_target

    if out is not None:
        check_target("--out", Path(out), ".html")
    click.echo(here(write_comparison(run, out) if is_comparison(Path(run)) else load_run(run).write_report(out)))
