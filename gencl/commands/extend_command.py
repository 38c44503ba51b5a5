"""``gencl extend``."""

from __future__ import annotations

import json

import click

from gencl.commands.options import PATH, machine_options, options_for_settings, output_options, plugin_option

_NOT_HERE = {", or leave all such out with --set data.broken=skip": ""}
"""Advice that cannot be followed: what is not train.* stays the run's."""


@click.command("extend")
@click.argument("run", type=PATH, metavar="RUN")
@click.argument("data", nargs=-1, required=True, metavar="TASK_DATA...")
@click.option(
    "--set", "assignments", metavar="KEY=VALUE", multiple=True,
    help="What of train.* differs for the new tasks (repeatable); all else is the run's.",
)  # fmt: skip
@click.option(
    "--known",
    is_flag=True,
    help="Classes that have the names of RUN's classes are more pictures of these, not new ones.",
)
@click.option("--resume", is_flag=True, help="Go on where learning these tasks was interrupted.")
@plugin_option
@machine_options
@output_options
def command(
    run: str,
    data: tuple[str, ...],
    known: bool,
    assignments: tuple[str, ...],
    resume: bool,
    data_root: str | None,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """A finished RUN learns one more task of each TASK_DATA, as often as wanted.

    TASK_DATA is a data set or a folder: its sub-folders are classes; a folder of pictures is one class. Images are
    brought to the run's size and channels. The method's state goes on (importance, masks, memory, frozen copies), and
    RUN grows by a row: matrices, pictures, model, report. With --known the sub-folders may be named as classes that RUN
    has: their pictures are more of these. RUN/config.yaml then names the new tasks under "extend" and
    repeats all with gencl train. Copy RUN first to keep it as it is.

    Tasks that extend a run count as its last ones: anpyc does not prune after them unless method.last is prune, and
    packnet leaves no room for them unless it is. joint needs all images at once and cannot be extended.

    \b
    Examples:
      gencl extend runs/digits-cgan-anpyc-seed0 ./letters
      gencl extend runs/digits-cgan-anpyc-seed0 ./cats ./dogs --set train.steps=400
      gencl extend runs/digits-cgan-anpyc-seed0 ./letters --resume
      gencl extend runs/digits-cgan-anpyc-seed0 ./more-digits --known
    """
    from gencl.core.launcher import main_process
    from gencl.reports.tables import print_run
    from gencl.training.extend import extend

    with options_for_settings(_NOT_HERE):
        extended = extend(
            run, data,
            known=known, set=assignments, resume=resume, data_root=data_root, device=device, threads=threads,
            progress="silent" if as_json else "auto",
        )  # fmt: skip
    if not main_process():
        return
    if as_json:
        click.echo(json.dumps(extended.metrics, indent=1))
    else:
        print_run(extended)
