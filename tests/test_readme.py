"""Every command of the README exists with its options, and its Python runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gencl
from tests.conftest import tiny, understood

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()
LINES = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
]
COMMANDS = [line for line in LINES if " " in line and "gencl" in line]


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_parse(line: str) -> None:
    command, name, rest = understood(line)
    command.make_context(name, rest)


def test_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    train = gencl.train
    monkeypatch.setattr(
        gencl,
        "train",
        lambda **keys: train(**{**keys, "set": [*tiny("digits-cgan"), "scenario.tasks=10"]}),
        raising=False,
    )
    exec(compile(code, "README.md", "exec"), {})
    assert (tmp_path / "x.png").exists() and (tmp_path / "runs" / "digits-cgan-anpyc-seed0" / "report.html").exists()


def test_links_lead_somewhere() -> None:
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("*/README.md")]
    for document in documents:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            assert "://" in target or (document.parent / target).exists(), f"{document.name}: {target}"
