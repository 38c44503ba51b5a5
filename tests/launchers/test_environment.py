"""When the environment is built, kept or refused, and what is said where that fails."""

import re
import shutil
from pathlib import Path

import pytest

from tests.launchers.clone import FAKE_PYTHON, Clone

OLD = "import sys; sys.version_info = (3, 9, 2)"
BARE = "import sys; sys.modules['ensurepip'] = None"


def test_changed_project_installs_again(clone: Clone):
    clone.gencl()
    clone.project.write_text('[project]\nname = "gencl"\ndependencies = ["click"]\n')
    result = clone.gencl()
    assert result.stderr == "gencl: updating .venv to the changed pyproject.toml …\n"
    assert (len(clone.calls("venv")), len(clone.calls())) == (1, 2)
    assert clone.gencl().stderr == ""


def test_moved_clone_builds_again(clone: Clone, tmp_path: Path):
    clone.gencl()
    (clone.root / ".venv" / "old").touch()
    clone.root = clone.root.rename(tmp_path / "elsewhere")
    result = clone.gencl()
    assert not (clone.root / ".venv" / "old").exists()
    assert result.returncode == 0
    assert result.stderr.startswith("gencl: the clone has moved: ")
    assert (len(clone.calls("venv")), len(clone.calls())) == (2, 2)
    assert clone.gencl().stderr == ""


def test_environment_whose_python_is_gone_is_built_again(clone: Clone):
    clone.gencl()
    (clone.root / ".venv/bin/python").unlink()
    assert clone.gencl().returncode == 0
    assert len(clone.calls("venv")) == 2


def test_environment_made_by_hand_is_kept(clone: Clone):
    clone.run(str(clone.python), "-m", "venv", str(clone.root / ".venv"))
    (clone.root / ".venv" / "mine").touch()
    assert clone.gencl().returncode == 0
    assert (clone.root / ".venv" / "mine").exists()
    assert (len(clone.calls("venv")), len(clone.calls())) == (1, 1)


def test_folder_that_is_no_environment_is_left_alone(clone: Clone):
    (clone.root / ".venv").mkdir()
    (clone.root / ".venv" / "thesis.txt").touch()
    assert "is no virtual environment" in clone.one_line(clone.gencl())
    assert (clone.root / ".venv" / "thesis.txt").exists()
    assert not clone.calls("venv")


def test_cut_off_package_is_installed_again(clone: Clone):
    clone.gencl(FAKE_PIP_FAILS="ERROR: no")
    packages = clone.root / ".venv/lib/python3.11/site-packages"
    for name in ("whole.dist-info", "cut.dist-info"):
        (packages / name).mkdir()
    (packages / "whole.dist-info/RECORD").touch()
    assert clone.gencl().returncode == 0
    assert [path.name for path in packages.iterdir()] == ["whole.dist-info"]


NO_NETWORK = (
    "WARNING: Retrying after connection broken by 'NewConnectionError(...: Failed to establish a new connection: "
    "[Errno -3] Temporary failure in name resolution)': /simple/torch/\\n"
    "ERROR: Could not find a version that satisfies the requirement torch (from versions: none)\\n"
    "ERROR: No matching distribution found for torch"
)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (NO_NETWORK, "cannot reach the package registry: check the network"),
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "the disk is full"),
        ("ERROR: first\\nERROR: No matching distribution found for torch>=99\\nhint", "for torch>=99"),
        ("something else", "set-up failed: something else"),
    ],
)
def test_failing_pip(clone: Clone, output: str, reason: str):
    line = clone.one_line(clone.gencl(FAKE_PIP_FAILS=output))
    assert reason in line
    log = re.search(r"\(log: (.*)\)$", line)
    assert log
    assert "noise" in Path(log[1]).read_text()
    assert clone.gencl().returncode == 0  # the next run tries again, in the same environment
    assert (len(clone.calls("venv")), len(clone.calls())) == (1, 2)


def test_failing_update_keeps_the_environment_and_its_extra(clone: Clone):
    clone.test()
    clone.project.write_text("changed")
    clone.one_line(clone.gencl(FAKE_PIP_FAILS="ERROR: no"))
    clone.one_line(clone.gencl(FAKE_PIP_FAILS="ERROR: no"))
    assert clone.gencl().returncode == 0
    assert len(clone.calls("venv")) == 1
    assert all(" -e .[dev]|" in call for call in clone.calls())


def test_failing_venv(clone: Clone):
    assert "Error: no venv today" in clone.one_line(clone.gencl(FAKE_VENV_FAILS="Error: no venv today"))
    assert clone.gencl().returncode == 0
    assert (len(clone.calls("venv")), len(clone.calls())) == (2, 1)


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"FAKE_PRELUDE": OLD}, "is Python 3.9"),
        ({"FAKE_PRELUDE": BARE}, "apt install python3-venv"),
        ({"GENCL_PYTHON": "no such python"}, "does not run"),
    ],
)
def test_unfit_python(clone: Clone, variables: dict[str, str], reason: str):
    assert reason in clone.one_line(clone.gencl(**variables))
    assert not clone.calls("venv")
    assert clone.gencl().returncode == 0


def test_python_is_looked_for_by_running(clone: Clone, tmp_path: Path):
    """A shim that does not run, an old Python, and one that is good, under the names that are tried."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("basename", "cksum", "cp", "cut", "df", "dirname", "grep", "mkdir", "mv", "printf", "readlink"):
        (tools / name).symlink_to(shutil.which(name) or name)
    for name in ("rm", "sh", "sleep", "tail", "touch"):
        (tools / name).symlink_to(shutil.which(name) or name)
    paths = {"GENCL_PYTHON": "", "PATH": f"{tmp_path / 'bin one'}:{tmp_path / 'two'}:{tools}"}
    assert "no Python found" in clone.one_line(clone.gencl(**paths))

    def put(path: Path, text: str) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    put(tmp_path / "bin one/python3", "#!/bin/sh\necho 'shim: command not found' >&2\nexit 127\n")
    assert "no Python found" in clone.one_line(clone.gencl(**paths))
    put(tmp_path / "two/python3", f'#!/bin/sh\nFAKE_PRELUDE="{OLD}"\n' + FAKE_PYTHON)
    assert "found only 3.9 (" in clone.one_line(clone.gencl(**paths))
    put(tmp_path / "two/python3.11", FAKE_PYTHON)
    result = clone.gencl(**paths)
    assert result.returncode == 0, result.stderr


def test_clone_that_cannot_be_written(clone: Clone):
    (clone.root / ".venv").write_text("a file")
    assert "cannot write in" in clone.one_line(clone.gencl())
