"""When the environment is built, kept or refused, and what is said where that fails."""

import re
from pathlib import Path

import pytest

from tests.launchers.clone import FAKE_PYTHON, FAKE_UV, Clone

OLD = "sys.version_info = (3, 9, 2)"
BARE = "sys.modules['ensurepip'] = None"


def test_changed_project_installs_again_and_keeps_the_extra(clone: Clone):
    clone.test()
    clone.project.write_text("changed")
    assert clone.gencl().stderr == "gencl: updating .venv …\n"
    assert (len(clone.calls("venv")), len(clone.calls())) == (1, 2)
    assert all(call.endswith(f" -e .[dev]|{clone.root}") for call in clone.calls())
    assert clone.gencl().stderr == clone.test().stderr == ""


def test_failing_update_keeps_the_environment(clone: Clone):
    clone.gencl()
    before = clone.project.read_text()
    clone.project.write_text("changed")
    assert "no luck" in clone.one_line(clone.gencl(FAKE_PIP_FAILS="ERROR: no luck"))
    clone.project.write_text(before)
    assert clone.gencl().stderr == ""


@pytest.mark.parametrize("case", ["moved", "python is gone"])
def test_environment_that_cannot_serve_is_built_again(clone: Clone, tmp_path: Path, case: str):
    clone.gencl()
    (clone.root / ".venv" / "old").touch()
    if case == "moved":
        clone.root = clone.root.rename(tmp_path / "elsewhere")
    else:
        (clone.root / ".venv/bin/python").unlink()
    assert clone.gencl().returncode == 0
    assert not (clone.root / ".venv" / "old").exists()
    assert (len(clone.calls("venv")), len(clone.calls())) == (2, 2)
    assert clone.gencl().stderr == ""


def test_folder_of_somebody_elses_is_left_alone(clone: Clone):
    (clone.root / ".venv").mkdir()
    (clone.root / ".venv" / "thesis.txt").touch()
    for _ in range(2):
        assert "was not made by cli/: move it away" in clone.one_line(clone.gencl())
    assert (clone.root / ".venv" / "thesis.txt").exists()
    assert not clone.calls("venv")


PIP_OFFLINE = (
    "WARNING: Retrying after connection broken by 'NewConnectionError(...: Failed to establish a new connection: "
    "[Errno -3] Temporary failure in name resolution)': /simple/torch/\\n"
    "ERROR: No matching distribution found for torch"
)
UV_OFFLINE = "error: Failed to fetch: `/simple/torch/`\\n  Caused by: dns error: failed to lookup address information"
UNREACHABLE = "cannot reach the package registry: check the network"


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ({"FAKE_PIP_FAILS": PIP_OFFLINE}, UNREACHABLE),
        ({"FAKE_UV_FAILS": UV_OFFLINE}, UNREACHABLE),
        ({"FAKE_PIP_FAILS": "ERROR: [Errno 28] No space left on device"}, "No space left on device"),
        (
            {"FAKE_PIP_FAILS": "ERROR: first\\nERROR: No version of torch>=99\\nhint"},
            "No version of torch>=99 (log",
        ),
        ({"FAKE_PIP_FAILS": "something else"}, "set-up failed: something else"),
        ({"FAKE_VENV_FAILS": "Error: no venv today"}, "Error: no venv today"),
    ],
)
def test_a_failing_step_is_told_in_one_line(clone: Clone, output: dict[str, str], reason: str):
    uv = clone.tools / "uv"
    if "FAKE_UV_FAILS" in output:
        clone.put(uv, FAKE_UV)
    line = clone.one_line(clone.gencl(**output))
    assert reason in line
    log = re.search(r"\(log: (.*)\)$", line)
    assert log and Path(log[1]).read_text()
    uv.unlink(missing_ok=True)
    assert clone.gencl().returncode == 0  # the next run tries again


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"FAKE_PRELUDE": OLD}, "needs Python 3.10 or newer; "),
        ({"FAKE_PRELUDE": BARE}, "apt install python3-venv"),
        ({"GENCL_PYTHON": "no such python"}, "no Python found (no such python)"),
    ],
)
def test_unfit_python(clone: Clone, variables: dict[str, str], reason: str):
    assert reason in clone.one_line(clone.gencl(**variables))
    assert not clone.calls("venv")
    assert clone.gencl().returncode == 0


def test_python_is_looked_for_by_running(clone: Clone):
    """A shim that does not run, an old Python, and one that is good, under the names that are tried."""
    none = {"GENCL_PYTHON": ""}
    assert "no Python found (python3 python3.13 " in clone.one_line(clone.gencl(**none))
    clone.put(clone.tools / "python3", "#!/bin/sh\necho 'shim: command not found' >&2\nexit 127\n")
    clone.put(clone.tools / "python3.13", f'#!/bin/sh\nFAKE_PRELUDE="{OLD}"\n' + FAKE_PYTHON)
    assert "is Python 3.9" in clone.one_line(clone.gencl(**none))
    clone.put(clone.tools / "python3.11", FAKE_PYTHON)
    result = clone.gencl(**none)
    assert result.returncode == 0, result.stderr


def test_uv_needs_no_python(clone: Clone):
    clone.put(clone.tools / "uv", FAKE_UV)
    assert clone.gencl(GENCL_PYTHON="").returncode == clone.test(GENCL_PYTHON="").returncode == 0
    made, first, second = clone.calls("uv")
    assert f" venv --allow-existing --python >=3.10 {clone.root}/.venv|" in made
    assert first.endswith(f" -e .|{clone.root}") and second.endswith(f" -e .[dev]|{clone.root}")
    assert not clone.calls() and not clone.calls("venv")


def test_uv_that_went_away(clone: Clone):
    clone.put(clone.tools / "uv", FAKE_UV)
    clone.gencl()
    (clone.tools / "uv").unlink()
    assert clone.test().returncode == 0  # pip is added to the environment
    assert (len(clone.calls("venv")), len(clone.calls())) == (1, 1)


def test_clone_that_cannot_be_written(clone: Clone):
    (clone.root / ".venv.log").mkdir()
    assert "cannot write" in clone.one_line(clone.gencl())
