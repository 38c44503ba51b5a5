"""The ``gencl extend`` command."""

from __future__ import annotations

import json

import click

from gencl.commands.options import PATH, machine_options, options_for_settings, output_options, plugin_option

_NOT_HERE = {", or leave all such out with --set data.broken=skip": ""}
"""Advice to delete from messages: extend cannot change settings other than train.*."""


@click.command("extend")
@click.argument("run", type=PATH, metavar="RUN")
@click.argument("data", nargs=-1, required=True, metavar="TASK_DATA...")
@click.option(
    "--set", "assignments", metavar="KEY=VALUE", multiple=True,
    help="Change a setting of train.* for the new tasks (repeatable); all other settings are the run's.",
)  # fmt: skip
@click.option(
    "--known", is_flag=True,
    help="Take classes that are named as RUN's for more pictures of these, not for new ones.",
)  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on after an interruption.")
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
    """Let a finished RUN learn one more task from each TASK_DATA.

    TASK_DATA is a data set or a folder. Sub-folders are classes; a folder of pictures is one class. gencl brings the
    images to the run's size and channels. The method goes on with its state: importance, masks, memory, frozen copies.
    With --known, sub-folders may have the names of RUN's classes: their pictures are more of these.

    RUN changes in place: matrices, pictures, model and report gain a task. Copy RUN first to keep it as it is.
    RUN/config.yaml names the new tasks under "extend", and gencl train --config RUN/config.yaml repeats everything.

    packnet has room for more tasks only if the run was trained with method.last=prune. anpyc prunes after new tasks
    only with that setting. A run of joint cannot be extended, because joint needs all images at once.

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
