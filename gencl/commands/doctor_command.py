"""The ``gencl doctor`` command."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from gencl.commands.options import data_root_option, output_options

_MARKS = {"ok": "ok", "note": "--", "broken": "!!"}


@click.command("doctor")
@data_root_option
@output_options
def command(data_root: str | None, as_json: bool) -> None:
    """Check versions, devices, data, caches, weights, write access and processes, and say how to fix what is broken.

    The exit status is 1 if something is broken.

    \b
    Examples:
      gencl doctor
      gencl doctor --data-root DIR --json
    """
    from gencl.uses.doctor import examine

    findings = []
    for finding in examine(data_root):
        findings.append(finding)
        if not as_json:
            click.echo(f"{_MARKS[finding.verdict]}  {finding.what:20}  {finding.found}")
            if finding.mend:
                click.echo(f"{'':26}{finding.mend}")
    broken = sum(finding.verdict == "broken" for finding in findings)
    if as_json:
        click.echo(json.dumps({"schema": 1, "findings": [asdict(finding) for finding in findings]}, indent=1))
    else:
        click.echo(f"\n{broken} broken" if broken else "\nall that gencl needs works")
    sys.exit(1 if broken else 0)
