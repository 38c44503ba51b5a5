"""What `gencl new` writes works at once: its own tests pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import gencl


@pytest.mark.parametrize("kind", ["method", "learner", "generator", "dataset", "scenario", "metric"])
def test_the_tests_of_a_new_plugin_pass(kind: str, tmp_path: Path) -> None:
    made = gencl("new", kind, f"my-{kind}", cwd=tmp_path)
    file, test = made.stdout.split()
    assert (made.returncode, file, test) == (0, f"my_{kind}.py", f"test_my_{kind}.py")
    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        "--rootdir",
        str(tmp_path),
        "--import-mode=importlib",
    ]
    assert pytest.main([*options, str(tmp_path / test)]) == 0
    kinds = {"generator": "learners"}.get(kind, f"{kind}s")
    listed = gencl("list", kinds, "--plugin", tmp_path / file)
    assert f"my-{kind}" in listed.stdout and f"({file})" in listed.stdout


def test_names_and_files_that_are_taken_are_refused(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").touch()
    for arguments, message in (
        (["method", "ewc"], "taken by gencl"),
        (["metric", "Sharp!"], "must be made of a-z"),
        (["method", "mine"], "test_mine.py exists already"),
        (["method", "x", "--out", "x.txt"], "ends in .py"),
        (["method", "x", "--out", "no/x.py"], "no folder no"),
        (["method", "random"], "Python has a module random"),
        (["dataset", "torch"], "Python has a module torch"),
        (["metric", "x", "--out", "queue.py"], "name it otherwise, such as --out my_queue.py"),
    ):
        done = gencl("new", *arguments, cwd=tmp_path)
        assert done.returncode == 2 and message in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["test_mine.py"]
