"""The reference of the command line, from click's commands."""

from __future__ import annotations

import inspect
import textwrap

import click
from settings_page import escaped

from gencl.commands import cli


def page() -> str:
    """The page of all commands."""
    parts = ["# Command line", "What `gencl COMMAND --help` prints. Exit status: 0 done, 1 failed, 2 wrong use."]
    context = click.Context(cli, info_name="gencl")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        parts += _command(command, click.Context(command, info_name=name, parent=context), 2)
    return "\n\n".join(parts)


def _command(command: click.Command, context: click.Context, level: int) -> list[str]:
    parts = [f"{'#' * level} {context.command_path}", f"```\n{' '.join(context.get_usage().split())}\n```"]
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        text, as_it_is, lines = paragraph.partition("\b\n")  # click's mark of a block that is not wrapped
        kind, _, examples = lines.partition("Examples:\n")
        if not as_it_is:
            parts.append(escaped(text.strip()).replace("<", "&lt;"))
        elif examples:
            parts.append(f"```sh\n{textwrap.dedent(examples).strip()}\n```")
        else:
            parts.append(f"```\n{textwrap.dedent(kind).strip()}\n```")
    options = [option.get_help_record(context) for option in command.params if isinstance(option, click.Option)]
    shown = [record for record in options if record]
    if shown:
        rows = "\n".join(f"| `{record[0]}` | {escaped(record[1])} |" for record in shown)
        parts.append(f"| option | |\n| --- | --- |\n{rows}")
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            parts += _command(inner, click.Context(inner, info_name=name, parent=context), level + 1)
    return parts
