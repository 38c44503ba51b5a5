"""The scripts of cli/reproduce name presets, methods and settings that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from gencl import presets
from gencl.commands import cli
from gencl.runs.variants import parse_variants

FOLDER = Path(__file__).parents[1] / "cli" / "reproduce"
SCRIPTS = sorted(path for path in FOLDER.iterdir() if path.suffix != ".md")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_its_command_resolves(script: Path) -> None:
    assert script.stat().st_mode & 0o111, "not executable"
    text = script.read_text().replace("\\\n", " ")
    words = shlex.split(re.search(r'/\.\./gencl" (.*) "\$@"', text)[1])
    example = shlex.split(re.search(rf"# More options .*: cli/reproduce/{script.name} (.*)", text)[1])
    command = cli.get_command(None, words[0])  # type: ignore[arg-type]
    command.make_context(words[0], [*words[1:], *example])
    options = command.make_context(words[0], words[1:]).params
    label = options.get("methods") or options["method"]
    for variant in parse_variants(label):
        presets.resolve(options["preset"], None, variant.method, 0, [*options["set"], *variant.assignments])


def test_the_readme_names_each_script() -> None:
    readme = (FOLDER / "README.md").read_text()
    assert set(re.findall(r"^\| `([\w-]+)` \|", readme, re.MULTILINE)) == {script.name for script in SCRIPTS}
