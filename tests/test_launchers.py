"""The launchers in cli/, on a small clone whose Python, pip and gencl are a shell script: nothing is installed."""

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

CLI = Path(__file__).resolve().parents[1] / "cli"
SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]

# Stands for python3, and in .venv/bin for the environment's python. `-c` is the real Python, after $FAKE_PRELUDE.
FAKE_PYTHON = r"""#!/bin/sh
[ "$1" != -I ] || shift
case $1 in
  -c)
    code=$2
    shift 2
    exec "$REAL_PYTHON" -I -S -c "$FAKE_PRELUDE
$code" "$@"
    ;;
esac
printf '%s|%s\n' "$*" "$PWD" >>"$FAKE_LOG"
case $2 in
  venv)
    [ -z "${FAKE_VENV_FAILS:-}" ] || { echo "$FAKE_VENV_FAILS" >&2; exit 1; }
    mkdir -p "$3/bin" "$3/lib/python3.11/site-packages"
    cp "$0" "$3/bin/python"
    echo fake >"$3/pyvenv.cfg"
    ;;
  pip)
    [ -n "$TMPDIR" ] && touch "$TMPDIR/download"
    while [ -n "${FAKE_PIP_AWAITS:-}" ] && [ ! -e "$FAKE_PIP_AWAITS" ]; do sleep 0.02; done
    sleep "${FAKE_PIP_SECONDS:-0}"
    [ -z "${FAKE_PIP_FAILS:-}" ] || { echo noise; printf '%b\n' "$FAKE_PIP_FAILS" >&2; exit 1; }
    echo 'noise on stdout'
    echo 'noise on stderr' >&2
    cp "$FAKE_GENCL" "${0%/*}/gencl"
    ;;
  ruff | mypy | pytest)
    echo "$2 says GENCL_DATA=${GENCL_DATA-unset}"
    case " ${FAKE_FAILURES:-} " in *" $2 "*) exit 3 ;; esac
    ;;
esac
"""
FAKE_GENCL = r"""#!/bin/sh
echo "in $PWD"
for argument; do printf '<%s>\n' "$argument"; done
[ -z "${FAKE_WAIT:-}" ] || exec sleep "$FAKE_WAIT"
exit "${FAKE_STATUS:-0}"
"""
OLD = "import sys; sys.version_info = (3, 9, 2)"
NO_LOCKS = "import errno, fcntl\ndef flock(*_): raise OSError(errno.ENOSYS, '')\nfcntl.flock = flock"
BARE = "import sys; sys.modules['ensurepip'] = None"
USABLE = "import sys, types; sys.modules['pip'] = types.ModuleType('pip')"


def heed_signals() -> None:
    """A shell cannot trap what was ignored before it (under nohup, say); a user's launcher starts with the defaults."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Clone:
    """A copy of cli/ with a project beside it, in a folder whose name needs quoting."""

    def __init__(self, folder: Path):
        self.outside = folder / "outside"
        self.go = folder / "go"
        self.root = folder / "a clone's $place"
        self.calls_file = folder / "calls"
        self.python = folder / "the python"
        for directory in (self.outside, self.root):
            directory.mkdir()
        shutil.copytree(CLI, self.root / "cli")
        self.project = self.root / "pyproject.toml"
        self.project.write_text('[project]\nname = "gencl"\n')
        for path, text in ((self.python, FAKE_PYTHON), (folder / "the gencl", FAKE_GENCL)):
            path.write_text(text)
            path.chmod(0o755)
        foreign = ("GENCL_", "PIP_", "PYTHON", "FAKE_")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | {
            "GENCL_PYTHON": str(self.python),
            "REAL_PYTHON": sys.executable,
            "FAKE_LOG": str(self.calls_file),
            "FAKE_GENCL": str(folder / "the gencl"),
            "FAKE_PRELUDE": USABLE,
        }

    @property
    def stamp(self) -> Path:
        return self.root / ".venv" / "install.stamp"

    def calls(self, module: str = "pip") -> list[str]:
        text = self.calls_file.read_text() if self.calls_file.exists() else ""
        return [line for line in text.splitlines() if line.startswith(f"-m {module} ")]

    def start(self, *command: str, **variables: str) -> "subprocess.Popen[str]":
        launcher = self.root / "cli" / "gencl"
        return subprocess.Popen(
            command or (str(launcher),),
            cwd=self.outside,
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_signals,  # noqa: PLW1509  # no threads here
        )

    def run(self, *command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        process = self.start(*command, **variables)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def gencl(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return self.run(str(self.root / "cli" / "gencl"), *arguments, **variables)

    def test(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return self.run(str(self.root / "cli" / "test"), *arguments, **variables)

    def one_line(self, result: "subprocess.CompletedProcess[str]") -> str:
        """What a failed set-up printed: nothing on stdout, status 1, one line besides the one that announces it."""
        assert (result.returncode, result.stdout) == (1, "")
        lines = [line for line in result.stderr.splitlines() if not line.endswith("…")]
        assert len(lines) == 1, result.stderr
        assert lines[0].startswith("gencl: ")
        return lines[0]


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    clone = Clone(tmp_path)
    yield clone
    clone.go.touch()  # lets what a failed test left behind end


def test_first_run_sets_up_and_the_second_only_runs(clone: Clone):
    first = clone.gencl("--json")
    assert (first.returncode, first.stdout) == (0, f"in {clone.outside}\n<--json>\n")
    assert first.stderr == "gencl: setting up .venv (about 6 GB with the CUDA builds of PyTorch; once) …\n"
    assert len(clone.calls("venv")) == 1
    (pip,) = clone.calls()
    assert pip.startswith("-m pip install ")
    assert pip.endswith(f" -e .|{clone.root}")
    assert not (clone.root / ".venv" / "install.tmp").exists()
    assert sorted(path.name for path in clone.root.iterdir()) == [".venv", "cli", "pyproject.toml"]

    second = clone.gencl()
    assert (second.returncode, second.stdout, second.stderr) == (0, f"in {clone.outside}\n", "")
    assert len(clone.calls()) == 1


@pytest.mark.parametrize("shell", SHELLS)
def test_other_shells(clone: Clone, shell: str):
    words = [shell, "sh"] if shell == "busybox" else [shell]
    result = clone.run(*words, str(clone.root / "cli" / "gencl"), "a b", FAKE_STATUS="4")
    assert (result.returncode, result.stdout) == (4, f"in {clone.outside}\n<a b>\n")
    assert clone.run(*words, str(clone.root / "cli" / "test")).returncode == 0
    failed = clone.run(*words, str(clone.root / "cli" / "gencl"), GENCL_PYTHON="none")
    assert failed.returncode == 0  # an existing environment keeps its Python


def test_arguments_status_and_working_directory_pass_through(clone: Clone):
    odd = ["two  words", "it's", 'a "quote"', "", "$HOME `x` \\n", "*", "-e", "new\nline"]
    result = clone.gencl(*odd, FAKE_STATUS="42")
    assert result.returncode == 42
    assert result.stdout == f"in {clone.outside}\n" + "".join(f"<{word}>\n" for word in odd)


def test_links_to_the_launcher(clone: Clone):
    links = clone.outside / "links"
    links.mkdir()
    (links / "far").symlink_to(clone.root / "cli" / "gencl")
    (links / "near").symlink_to("far")
    (links / "folder").symlink_to(clone.root / "cli")
    for name in ("links/near", str(links / "far"), "links/folder/gencl"):
        assert clone.run(name, "x", CDPATH="/").stdout == f"in {clone.outside}\n<x>\n"
    assert clone.run("sh", "-c", "near x", PATH=f"{links}:{os.environ['PATH']}").returncode == 0
    assert len(clone.calls()) == 1


def test_the_program_replaces_the_launcher(clone: Clone):
    clone.gencl()
    process = clone.start(FAKE_WAIT="30")
    wait_until(lambda: "sleep" in Path(f"/proc/{process.pid}/comm").read_text() if Path("/proc/self").exists() else 1)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM


def test_the_running_program_holds_no_lock(clone: Clone):
    process = clone.start(FAKE_WAIT="30")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("in ")
    clone.project.write_text("changed")
    assert "waiting" not in clone.gencl().stderr
    process.kill()
    process.communicate()


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


def test_two_at_the_same_time_install_once(clone: Clone):
    processes = [clone.start(FAKE_PIP_AWAITS=str(clone.go)) for _ in range(3)]
    first_lines = [process.stderr.readline() for process in processes if process.stderr is not None]
    clone.go.touch()
    results = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert results == [(f"in {clone.outside}\n", "")] * 3
    assert (len(clone.calls("venv")), len(clone.calls())) == (1, 1)
    (setter,) = [process.pid for process, line in zip(processes, first_lines, strict=True) if "setting up" in line]
    waiting = f"gencl: waiting for another gencl set-up (process {setter}) …\n"
    assert sorted(line == waiting for line in first_lines) == [False, True, True]


def test_stale_lock(clone: Clone):
    dead = subprocess.Popen(["true"])
    dead.wait()
    (clone.root / ".venv").mkdir()
    (clone.root / ".venv" / "install.lock").write_text(f"{dead.pid}\n")
    result = clone.gencl()
    assert result.returncode == 0
    assert "waiting" not in result.stderr


def test_file_system_without_locks(clone: Clone):
    result = clone.gencl(FAKE_PRELUDE=NO_LOCKS)
    assert result.returncode == 0
    assert "this file system has no locks" in result.stderr


def test_killed_launcher_is_no_finished_installation(clone: Clone):
    first = clone.start(FAKE_PIP_AWAITS=str(clone.go))
    wait_until(clone.calls)
    first.kill()
    first.wait()
    second = clone.start()  # waits for the pip that was left behind, then installs on its own
    assert second.stderr is not None
    assert f"waiting for another gencl set-up (process {first.pid})" in second.stderr.readline()
    clone.go.touch()
    second.communicate(timeout=60)
    first.communicate(timeout=60)
    assert second.returncode == 0
    assert (len(clone.calls("venv")), len(clone.calls())) == (1, 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_while_installing(clone: Clone, number: signal.Signals):
    process = clone.start(FAKE_PIP_SECONDS="30")
    wait_until((clone.root / ".venv/install.tmp/download").exists)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (-number, "")
    assert err.splitlines()[1:] == ["gencl: set-up interrupted; run the command again to go on"]
    assert not (clone.root / ".venv/install.tmp").exists()
    result = clone.gencl()
    assert result.returncode == 0
    assert "waiting" not in result.stderr  # what pip had started (its sleep) has ended too, and let the lock go


def test_signal_while_waiting(clone: Clone):
    first = clone.start(FAKE_PIP_AWAITS=str(clone.go))
    wait_until((clone.root / ".venv/install.tmp/download").exists)
    second = clone.start()
    assert second.stderr is not None
    assert "waiting" in second.stderr.readline()
    second.terminate()
    second.communicate(timeout=60)
    assert second.returncode == -signal.SIGTERM
    assert (clone.root / ".venv/install.tmp/download").exists()  # the other's
    clone.go.touch()
    first.communicate(timeout=60)
    assert first.returncode == 0


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


def on_terminal(clone: Clone, *, typed: bytes = b"", **variables: str) -> tuple[int, str]:
    """Run cli/gencl with a terminal of its own, as a user does; `typed` goes in once pip is running."""
    ours, theirs = pty.openpty()

    adopt = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", adopt, str(clone.root / "cli" / "gencl")],
        env=clone.environment | variables,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=heed_signals,  # noqa: PLW1509  # no threads here
        start_new_session=True,
    )
    os.close(theirs)
    if typed:
        wait_until((clone.root / ".venv/install.tmp/download").exists)
        os.write(ours, typed)
    seen = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not chunk:
            break
        seen += chunk
    os.close(ours)
    return process.wait(timeout=60), seen.decode()


def test_terminal_shows_seconds(clone: Clone):
    status, seen = on_terminal(clone, FAKE_PIP_SECONDS="0.5")
    assert status == 0
    assert "\rgencl: installing packages, 0 s" in seen
    assert seen.replace("\r", "").endswith(f"in {Path.cwd()}\n")


def test_ctrl_c_on_a_terminal(clone: Clone):
    status, seen = on_terminal(clone, typed=b"\x03", FAKE_PIP_SECONDS="30")
    assert status == -signal.SIGINT
    assert seen.rstrip().endswith("gencl: set-up interrupted; run the command again to go on")


def test_suite_runs_all_three_and_adds_only_the_extra(clone: Clone):
    clone.gencl()
    result = clone.test("-k", "one or two")
    assert result.returncode == 0
    assert result.stdout == (
        "== ruff check\nruff says GENCL_DATA=unset\n\n== mypy\nmypy says GENCL_DATA=unset\n\n"
        "== pytest\npytest says GENCL_DATA=unset\n"
    )
    assert result.stderr == "gencl: adding what is missing to .venv …\n"
    assert clone.calls("ruff") == [f"-m ruff check .|{clone.root}"]
    assert clone.calls("pytest") == [f"-m pytest -k one or two|{clone.root}"]
    assert (len(clone.calls("venv")), len(clone.calls())) == (1, 2)
    assert clone.gencl().stderr == clone.test().stderr == ""


@pytest.mark.parametrize("failures", ["ruff", "mypy", "pytest", "ruff mypy", "ruff mypy pytest"])
def test_suite_goes_on_after_a_failure(clone: Clone, failures: str):
    result = clone.test(FAKE_FAILURES=failures)
    assert result.returncode == (3 if "pytest" in failures else 1)
    assert all(f"{tool} says" in result.stdout for tool in ("ruff", "mypy", "pytest"))
    assert result.stdout.splitlines()[-1].startswith("pytest says")
    before = failures.removesuffix("pytest").rstrip()
    assert (f"== pytest (failed so far: {before})" in result.stdout) == bool(before)


def test_suite_finds_the_data(clone: Clone):
    data = clone.root.parent / "shared" / "data"
    data.mkdir(parents=True)
    assert f"pytest says GENCL_DATA={data}\n" in clone.test().stdout
    assert "pytest says GENCL_DATA=/mine\n" in clone.test(GENCL_DATA="/mine").stdout


def test_suite_help_sets_nothing_up(clone: Clone):
    result = clone.test("--help")
    assert result.returncode == 0
    assert result.stdout.startswith("usage: cli/test [PYTEST ARGUMENTS]\n")
    assert not (clone.root / ".venv").exists()
