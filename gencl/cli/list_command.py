"""``gencl list``."""

from __future__ import annotations

import json

import click

from gencl.cli.options import output_options, plugin_option

KINDS = ["methods", "presets", "datasets", "scenarios", "learners", "models", "metrics", "extractors"]


@click.command("list")
@click.argument("what", type=click.Choice(KINDS))
@plugin_option
@output_options
def command(what: str, as_json: bool) -> None:
    """List what there is, a line each.

    \b
    Examples:
      gencl list methods
      gencl list presets --json
    """
    found = _about(what)
    if as_json:
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    if not found:
        click.echo(f"no {what} come with this version; every run directory is one: gencl sample RUN")
        return
    width = max(map(len, found))
    for name, about in found.items():
        click.echo(f"{name:{width}}  {about}")
    if what == "methods":
        from gencl.methods import SERVES

        click.echo("\nwhom they serve:")
        for word, learners in SERVES.items():
            click.echo(f"  [{word}]{'':{8 - len(word)}}  {learners}")


def _about(what: str) -> dict[str, str]:
    if what == "presets":
        from gencl import presets

        return {name: presets.about(name) for name in presets.names()}
    if what == "models":
        from gencl import ready

        return {name: ready.about(name) for name in ready.names()}
    from gencl.datasets import DATASETS
    from gencl.methods import METHODS
    from gencl.metrics import EXTRACTORS, METRICS
    from gencl.models import LEARNERS
    from gencl.scenarios import SCENARIOS

    registry = {
        "methods": METHODS,
        "datasets": DATASETS,
        "scenarios": SCENARIOS,
        "learners": LEARNERS,
        "metrics": METRICS,
        "extractors": EXTRACTORS,
    }[what]
    return {name: registry.about(name) for name in registry}
