"""The ``gencl preset`` command."""

from __future__ import annotations

import math
from pathlib import Path

import click

from gencl import presets
from gencl.commands.options import PATH, debug_option, method_option, plugin_option
from gencl.core import files, yaml_files
from gencl.core.errors import UsageError
from gencl.core.part import text
from gencl.presets.like import taken_over


@click.group("preset")
def command() -> None:
    """Show, copy or check an experiment's settings.

    \b
    Examples:
      gencl preset show digits-cgan
      gencl preset copy digits-cgan mine.yaml && gencl train --config mine.yaml
      gencl preset validate mine.yaml
    """


@command.command("show")
@click.argument("name")
@debug_option
def show(name: str) -> None:
    """Print the file of a preset. Settings of methods that it takes from another preset follow as comments."""
    path = _file(name)
    click.echo(text(path.read_bytes()), nl=False)
    for method, block in taken_over(path).items():
        settings = yaml_files.dump(block, default_flow_style=True, width=math.inf).strip()
        click.echo(f"#   {method}: {settings}")


@command.command("copy")
@click.argument("name")
@click.argument("target", required=False, type=PATH)
@debug_option
def copy(name: str, target: str | None) -> None:
    """Copy the file of a preset to TARGET (default: NAME.yaml here), so that you can edit it."""
    source = _file(name)
    path = Path(target or source.name)
    path = path / source.name if path.is_dir() else path
    if path.exists():
        raise UsageError(f"{path} exists already; choose another name")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}")
    files.write(path, source.read_bytes())
    click.echo(path)


@command.command("validate")
@click.argument("name")
@method_option("Check with this method only.")
@plugin_option
@debug_option
def validate(name: str, method: str | None) -> None:
    """Check a preset or a settings file without running it."""
    path = _file(name)
    for chosen in [method] if method else [None, *presets.methods_of(str(path))]:
        settings = presets.resolve(config=path, method=chosen)
    from gencl.runs.build import recipe_of

    missing = recipe_of(settings).missing()
    click.echo(f"{path} is valid" + (f"; before it can run: {missing}" if missing else ""))


def _file(name: str) -> Path:
    path = presets.path_of(name)
    if not path.is_file():
        raise UsageError(f"there is no settings file {path}")
    return path
