"""Every command of the documentation exists with its options; `cli/docs build` checks links and pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import reference

from tests.conftest import understood

DOCS = Path(__file__).parents[1] / "docs"
COMMANDS = {
    (page.stem, line)
    for page in sorted(DOCS.rglob("*.md"))
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    for line in (part.split(" #")[0].strip() for part in block.replace("\\\n", " ").splitlines())
    if re.search(r"(^|/| )gencl ", line) and "pip " not in line
}


@pytest.mark.parametrize("line", sorted({line for _, line in COMMANDS}))
def test_commands_parse(line: str) -> None:
    command, name, rest = understood(line)
    if "--plugin" in rest:  # its file would be run; tests/plugins does that
        assert any("--plugin" in option.opts for option in command.params)
        file = rest[rest.index("--plugin") + 1]
        del rest[rest.index("--plugin") : rest.index("--plugin") + 2]
        rest = [re.sub(rf"\b{Path(file).stem}\b", "anpyc", word) for word in rest]  # the method that it would bring
    command.make_context(name, rest)


def test_the_reference_of_commands_keeps_paragraphs_lists_and_examples() -> None:
    page = reference.PAGES["cli"][1]()
    part = page.partition("## gencl analyze\n")[2].partition("\n## ")[0]
    assert "\nEach figure is a PNG and a CSV in RUN/analysis/." in part and "\n```\nimportance   how unequal" in part
    assert "\n```sh\ngencl analyze runs/digits-cgan-anpyc-seed0\n" in part
    assert "\b" not in page and "Examples:" not in page
    plain = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    assert not re.search(r"^ ", plain, re.MULTILINE)  # Markdown would take it for code
