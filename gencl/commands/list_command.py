"""The ``gencl list`` command."""

from __future__ import annotations

import json
import textwrap
from importlib import import_module

import click

from gencl.commands.options import output_options, plugin_option

KINDS = ["methods", "presets", "datasets", "scenarios", "learners", "models", "metrics", "extractors", "analyses"]


@click.command("list")
@click.argument("what", required=False, type=click.Choice(KINDS))
@plugin_option
@output_options
def command(what: str | None, as_json: bool) -> None:
    """List all names, or the names of one kind with one line about each.

    \b
    Examples:
      gencl list
      gencl list methods
      gencl list presets --json
    """
    if what is None:
        _overview(as_json)
        return
    lines = _about(what)
    if as_json:
        click.echo(json.dumps(lines, indent=1, ensure_ascii=False))
        return
    if not lines:
        click.echo(f"no {what} come with this version; every run directory is one: gencl sample RUN")
        return
    width = max(map(len, lines))
    for name, about in lines.items():
        click.echo(f"{name:{width}}  {about}")
    if what == "methods":
        from gencl.methods import SERVES

        click.echo("\nThe word in brackets says which learners a method works with:")
        for word, learners in SERVES.items():
            click.echo(f"  [{word}]{'':{9 - len(word)}}  {learners}")


def _overview(as_json: bool) -> None:
    """Print the names of every kind."""
    names_of = {kind: list(_about(kind)) for kind in KINDS}
    if as_json:
        click.echo(json.dumps(names_of, indent=1))
        return
    width = max(map(len, names_of)) + 2
    for kind, names in names_of.items():
        text = f"{kind:{width}}{', '.join(names) or 'none'}"
        click.echo(textwrap.fill(text, 120, subsequent_indent=" " * width, break_on_hyphens=False))
    click.echo(f"\nMore about each: gencl list {'|'.join(KINDS)}")


def _about(what: str) -> dict[str, str]:
    if what == "presets":
        from gencl import presets

        return {name: presets.about(name) for name in presets.names()}
    if what == "models":
        from gencl.runs import ready

        return {name: ready.about(name) for name in ready.names()}
    room = {"extractors": "metrics", "analyses": "analysis"}.get(what, what)
    registry = getattr(import_module(f"gencl.{room}"), what.upper())
    if what == "methods":
        return {name: f"{registry.about(name)} [{registry.serves(name) or 'any'}]" for name in registry}
    return {name: registry.about(name) for name in registry}
